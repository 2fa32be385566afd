"""Device codes at the endpoints: requested, polled, redeemed (RFC 8628)."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from payments import NAME
from sqlalchemy import func, select
from support.app import Provider, RelyingParty, decode_id_token
from support.devices import (
    DEVICE_CODE,
    SETTINGS,
    approved,
    ask,
    decide,
    enter,
    poll,
    refusal,
    register_device,
    signed_in,
)
from support.ending import end_everything

from oidcserver import clock as oidcserver_clock
from oidcserver.models import (
    Authorization,
    Client,
    DeviceAuthorization,
    LoginSessionClient,
    RefreshToken,
    User,
)
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

AT_ONCE = 12
BANK, SHOP = "https://bank.example.com/payments", "https://shop.example.com/api"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


@pytest.fixture
def device(provider: Provider) -> RelyingParty:
    return register_device(provider)


def count(provider: Provider, model: Any) -> int:
    with provider.database() as dbsession:
        return dbsession.scalars(select(func.count()).select_from(model)).one()


# -- the whole flow ----------------------------------------------------------------------------


def test_a_device_gets_tokens_once_its_user_allows(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    codes = ask(device, nonce="the-nonce")
    assert codes["verification_uri"] == f"{provider.issuer}/device"
    assert codes["verification_uri_complete"] == (
        f"{provider.issuer}/device?user_code={codes['user_code']}"
    )
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert refusal(device, codes) == "authorization_pending"
    browser = signed_in(provider)
    signed_in_at = oidcserver_clock.now()
    decide(browser, codes)
    tokens = poll(device, codes)
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "openid profile offline_access"
    claims = decode_id_token(provider, tokens["id_token"])
    assert claims["nonce"] == "the-nonce"
    assert abs(claims["auth_time"] - signed_in_at) < 60
    assert {"acr", "amr", "at_hash"} <= claims.keys()
    assert device.userinfo(tokens["access_token"]).json["preferred_username"] == "alice"
    refreshed = device.refresh(tokens["refresh_token"])
    assert "nonce" not in decode_id_token(provider, refreshed["id_token"])
    assert refusal(device, codes) == "invalid_grant"
    assert device.introspect(refreshed["access_token"])["active"], "a second poll ends nothing"


def test_a_denied_device_gets_nothing(provider: Provider, device: RelyingParty) -> None:
    codes = ask(device)
    page = decide(signed_in(provider), codes, "deny")
    assert "Nothing was allowed" in page
    assert refusal(device, codes) == "access_denied"
    assert refusal(device, codes) == "access_denied"
    assert count(provider, Authorization) == 0


def test_a_public_client_names_itself(provider: Provider) -> None:
    device = register_device(provider, token_endpoint_auth_method="none")
    tokens = poll(device, approved(provider, device))
    assert device.refresh(tokens["refresh_token"])["access_token"]


def test_a_client_without_refresh_tokens_gets_none(provider: Provider) -> None:
    device = register_device(provider, grant_types=[DEVICE_CODE])
    tokens = poll(device, approved(provider, device, scope="profile"))
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens
    assert device.introspect(tokens["access_token"])["active"]


# -- polling -----------------------------------------------------------------------------------


def test_a_device_that_polls_too_often_waits_five_seconds_more_for_good(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    codes = ask(device)
    assert refusal(device, codes) == "authorization_pending"
    slow = poll(device, codes, 400)
    assert slow["error"] == "slow_down"
    assert "wait 10 seconds" in slow["error_description"]
    clock.advance(6)
    assert refusal(device, codes) == "slow_down"
    clock.advance(15)
    assert refusal(device, codes) == "authorization_pending"
    clock.advance(14)
    assert refusal(device, codes) == "slow_down", "the interval stays longer"
    decide(signed_in(provider), codes)
    assert "access_token" in poll(device, codes), "an approved device need not wait"


def test_another_client_cannot_poll_and_disturbs_nobody(
    provider: Provider, device: RelyingParty
) -> None:
    codes = approved(provider, device)
    other = register_device(provider)
    for _ in range(3):
        assert refusal(other, codes) == "invalid_grant"
    assert "access_token" in poll(device, codes)


def test_a_device_without_its_key_learns_so_before_the_user_decides(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oauth__sender_constraints="dpop")
    device = register_device(provider, dpop_bound_access_tokens=True)
    codes = ask(device)
    assert refusal(device, codes) == "invalid_dpop_proof"
    assert refusal(device, codes) == "invalid_dpop_proof", "no poll was counted"


def test_the_polls_of_another_client_do_not_count(provider: Provider, device: RelyingParty) -> None:
    codes = ask(device)
    assert refusal(register_device(provider), codes) == "invalid_grant"
    assert refusal(device, codes) == "authorization_pending"


def test_of_several_at_once_on_one_device_code_one_wins(
    provider: Provider, device: RelyingParty
) -> None:
    codes = approved(provider, device)
    form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"]}

    def redeem(_: int) -> int:
        party = RelyingParty(provider, device.client, device.secret)
        return int(party.token(**form, status="*").status_int)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert Counter(threads.map(redeem, range(AT_ONCE))) == {200: 1, 400: AT_ONCE - 1}
    assert count(provider, Authorization) == 1
    assert count(provider, RefreshToken) == 1


@pytest.mark.parametrize("code", ["dc_unknown", "", None, "\x00", "ac_x"])
def test_an_unknown_device_code_is_rejected(device: RelyingParty, code: str | None) -> None:
    error = device.token(grant_type=DEVICE_CODE, device_code=code, status=400).json["error"]
    assert error == ("invalid_grant" if code and code != "\x00" else "invalid_request")


# -- the end of codes and of what they stand for -----------------------------------------------


def test_an_approved_code_that_expired_is_burnt(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    codes = approved(provider, device)
    clock.advance(600)
    for _ in range(2):
        assert refusal(device, codes) == "expired_token"
    assert count(provider, RefreshToken) == 0


def test_a_code_expires_undecided(provider: Provider, device: RelyingParty, clock: Any) -> None:
    codes = ask(device)
    clock.advance(600)
    assert refusal(device, codes) == "expired_token"


def disable(provider: Provider) -> None:
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.disabled_at = oidcserver_clock.now()


def reset_password(provider: Provider) -> None:
    end_everything(provider)


@pytest.mark.parametrize("event", [disable, reset_password])
def test_what_happens_to_the_user_before_the_poll_counts(
    provider: Provider, device: RelyingParty, event: Any
) -> None:
    codes = approved(provider, device)
    event(provider)
    assert refusal(device, codes) == "invalid_grant"
    assert count(provider, RefreshToken) == 0


def test_without_offline_access_it_ends_with_the_login_session(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device, scope="openid"), signed_in(provider)
    decide(browser, codes)
    tokens = poll(device, codes)
    form = browser.get("/logout").forms["logout"]
    form.submit()
    assert not device.introspect(tokens["access_token"])["active"]


def test_the_user_withdraws_the_access_on_the_account_page(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device), signed_in(provider)
    decide(browser, codes)
    tokens = poll(device, codes)
    page = browser.get("/account")
    assert "The Television" in page
    form = next(each for each in page.forms.values() if each.action.endswith("/applications"))
    form.submit("client").forms["confirm"].submit("client")
    assert not device.introspect(tokens["access_token"])["active"]


def test_a_client_that_lost_the_scopes_gets_nothing(
    provider: Provider, device: RelyingParty
) -> None:
    codes = approved(provider, device, scope="profile")
    with provider.database() as dbsession:
        client = dbsession.merge(device.client)
        client.client_metadata = {**client.client_metadata, "scope": "email"}
    assert refusal(device, codes) == "invalid_grant"


def test_the_client_hears_of_the_end_of_the_session(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__logout_channels="backchannel")
    device = register_device(provider, backchannel_logout_uri="https://television.example/logout")
    approved(provider, device)
    assert count(provider, LoginSessionClient) == 1


# -- the request of the device -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "phone unknown"}, "invalid_scope"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"prompt": "none"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        (
            {"claims": json.dumps({"id_token": {"acr": {"essential": True, "value": "9"}}})},
            "unmet_authentication_requirements",
        ),
        ({"nonce": "x" * 20_000}, "invalid_request"),
    ],
)
def test_what_is_asked_for_is_judged_as_at_the_authorization_endpoint(
    provider: Provider, device: RelyingParty, form: dict[str, str], error: str
) -> None:
    refused = ask(device, status=400, **form)
    assert refused["error"] == error
    assert count(provider, DeviceAuthorization) == 0


def test_a_scope_that_is_not_registered_is_left_out(
    provider: Provider, device: RelyingParty
) -> None:
    codes = approved(provider, device, scope="openid phone")
    assert poll(device, codes)["scope"] == "openid"


def test_a_parameter_twice_is_rejected(device: RelyingParty) -> None:
    pairs = [("scope", "openid"), ("scope", "profile")]
    path = "/oauth/device_authorization"
    refused = device.http.post(path, pairs, headers=device.basic(), status=400)
    assert refused.json["error"] == "invalid_request"


def test_the_client_authenticates_and_registered_the_grant(
    provider: Provider, device: RelyingParty
) -> None:
    other = provider.register()
    assert ask(other, status=400)["error"] == "unauthorized_client"
    device.secret = "wrong"
    assert ask(device, status=401)["error"] == "invalid_client"
    nobody = device.http.post("/oauth/device_authorization", {"scope": "openid"}, status=401)
    assert nobody.json["error"] == "invalid_client"
    device.http.get("/oauth/device_authorization", status=405)


@pytest.mark.parametrize("everybody", [True, False])
def test_a_client_that_may_only_push_requests_may_use_its_grant(
    make_provider: Any, everybody: bool
) -> None:
    """The requirement is about the authorization endpoint (RFC 9126 section 6)."""
    name = "require_pushed_authorization_requests"
    endpoints = f"{SETTINGS['oauth__endpoints']} pushed_authorization_request"
    own = {"oauth__endpoints": endpoints, f"oauth__{name}": str(everybody).lower()}
    provider = make_provider(**{**SETTINGS, **own})
    device = register_device(provider, **({} if everybody else {name: True}))
    assert "access_token" in poll(device, approved(provider, device))


def test_strangers_cannot_fill_the_database_in_the_name_of_a_client_that_anybody_can_be(
    make_provider: Any,
) -> None:
    provider = make_provider(**SETTINGS, oauth__device_requests_per_address="2")
    public = register_device(provider, token_endpoint_auth_method="none")
    ask(public)
    ask(public)
    refused = public.post("/oauth/device_authorization", scope="openid", status=429)
    assert refused.json["error"] == "temporarily_unavailable"
    assert int(refused.headers["Retry-After"]) <= 600
    own = register_device(provider)
    ask(own)
    with provider.database() as dbsession:
        dbsession.get_one(Client, own.client_id).self_registered = True
    own.post("/oauth/device_authorization", scope="openid", status=429)


def test_a_user_code_that_another_device_has_is_not_given_twice(
    provider: Provider, device: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "oidcserver.endpoints.device_authorization.new_user_code"
    monkeypatch.setattr(name, lambda settings: "WDJBMJHT")
    assert ask(device)["user_code"] == "WDJB-MJHT"
    refused = device.post("/oauth/device_authorization", scope="openid", status=503)
    assert refused.headers["Retry-After"] == "1"
    assert count(provider, DeviceAuthorization) == 1


@pytest.fixture
def rich(make_provider: Any) -> Provider:
    """A provider with resources and a type of authorization details."""
    made: Provider = make_provider(
        **SETTINGS,
        oidcserver__includes="payments",
        oauth__resources=f"{BANK}: bank:pay | The Bank\n{SHOP}",
        oidc__scope_claims="bank:pay: | Pay",
    )
    return made


def test_the_token_is_for_the_resource_and_has_the_details_that_the_user_saw(
    rich: Provider,
) -> None:
    device = register_device(rich, scope="profile bank:pay", authorization_details_types=[NAME])
    entry = {"type": NAME, "instructedAmount": {"currency": "EUR", "amount": "123.50"},
             "creditorName": "Merchant & Sons",
             "creditorAccount": {"iban": "DE02100100109307118603"}}  # fmt: skip
    codes = ask(device, scope="profile bank:pay", resource=BANK,
                authorization_details=json.dumps([entry]))  # fmt: skip
    browser = signed_in(rich)
    page = enter(browser, codes["user_code"])
    for shown in ("The Bank", "Merchant & Sons", "123.50", "Pay"):
        assert shown in page.html.get_text(" ")
    page.forms["decision"].submit("decision", value="allow")
    refused = device.token(
        grant_type=DEVICE_CODE,
        device_code=codes["device_code"],
        authorization_details=json.dumps([entry, entry]),
        status=400,
    ).json
    assert refused["error"] == "invalid_authorization_details"
    said = device.introspect(poll(device, codes)["access_token"])
    assert said["aud"] == BANK
    assert said["authorization_details"] == [entry]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"resource": "https://unknown.example.com"}, "invalid_target"),
        ({"resource": f"{BANK}#x"}, "invalid_target"),
        ({"authorization_details": "[{}]"}, "invalid_authorization_details"),
        ({"authorization_details": "x"}, "invalid_authorization_details"),
    ],
)
def test_resources_and_details_are_judged_at_once(
    rich: Provider, form: dict[str, str], error: str
) -> None:
    device = register_device(rich, authorization_details_types=[NAME])
    assert ask(device, status=400, scope="profile", **form)["error"] == error


# -- selection ---------------------------------------------------------------------------------


def test_the_metadata_name_the_endpoint_and_the_grant(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["device_authorization_endpoint"] == (
        f"{provider.issuer}/oauth/device_authorization"
    )
    assert DEVICE_CODE in document["grant_types_supported"]


def test_what_is_not_selected_is_not_there(make_provider: Any) -> None:
    provider = make_provider()
    browser = provider.browser()
    browser.get("/device", status=404)
    browser.post("/oauth/device_authorization", status=404)
    document = browser.get("/.well-known/openid-configuration").json
    assert "device_authorization_endpoint" not in document
    client = provider.register(grant_types=["client_credentials"], response_types=[])
    refused = client.token(grant_type=DEVICE_CODE, device_code="x", status=400)
    assert refused.json["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oidc__pages": "login consent"}, "oidc.pages lacks device"),
        ({"oauth__grants": "authorization_code"}, "oauth.grants lacks device_code"),
        (
            {"oauth__endpoints": "authorization token jwks"},
            "oauth.endpoints lacks device_authorization",
        ),
        ({"oauth__device_user_code_length": "4"}, "can be guessed"),
        ({"oauth__device_user_code_alphabet": "abc"}, "capital letters and digits"),
        ({"oauth__device_user_code_alphabet": "AAB"}, "capital letters and digits"),
    ],
)
def test_a_mistake_stops_the_start(
    make_provider: Any, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, **changes})


def test_digits_alone_make_user_codes_too(make_provider: Any) -> None:
    provider = make_provider(
        **SETTINGS,
        oauth__device_user_code_alphabet="0123456789",
        oauth__device_user_code_length="9",
    )
    code = ask(register_device(provider))["user_code"]
    groups = code.split("-")
    assert [len(group) for group in groups] == [3, 3, 3]
    assert "".join(groups).isdigit()


def test_users_have_rows_of_their_own(provider: Provider, device: RelyingParty) -> None:
    """Two devices, two users: each gets the tokens of its own."""
    first, second = ask(device), ask(device)
    decide(signed_in(provider, "alice"), first)
    decide(signed_in(provider, "bob"), second)
    names = [
        device.userinfo(poll(device, codes)["access_token"]).json["preferred_username"]
        for codes in (first, second)
    ]
    assert names == ["alice", "bob"]
    assert count(provider, User) == 2
