"""Grants that Authlib ships, offered by a plugin with no more than the hooks that they demand."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import func, select, update
from support.app import Provider, RelyingParty
from support.authlib_plugin import Device

from oidcserver.models import Authorization, RecordedRejection, RefreshToken

pytestmark = pytest.mark.both_databases

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
AT_ONCE = 12


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(
        oidcserver__includes="support.authlib_plugin",
        oauth__grants="authlib_code authlib_client_credentials authlib_jwt_bearer "
        "authlib_device_code forgetful refresh_token",
        oauth__response_types="code",
        oauth__endpoints="authorization token introspection userinfo jwks openid_configuration "
        "example_device",
    )
    made.browser().sign_in("alice")
    return made


def count(provider: Provider, model: Any) -> int:
    with provider.database() as dbsession:
        return dbsession.scalars(select(func.count()).select_from(model)).one()


# -- client credentials ------------------------------------------------------------------------


def test_client_credentials(provider: Provider) -> None:
    client = provider.register(
        grant_types=["client_credentials"], response_types=[], redirect_uris=[], scope="email"
    )
    answer = client.token(grant_type="client_credentials", scope="email").json
    found = client.introspect(answer["access_token"])
    assert (found["active"], found["sub"]) == (True, client.client_id)
    assert "refresh_token" not in answer
    refused = client.token(grant_type="client_credentials", scope="profile", status=400)
    assert refused.json["error"] == "invalid_scope"


# -- JWT bearer assertions ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})


@pytest.fixture
def asserting(provider: Provider, key: ECKey) -> RelyingParty:
    return provider.register(
        grant_types=[JWT_BEARER], response_types=[], redirect_uris=[],
        jwks={"keys": [key.as_dict(private=False)]},
    )  # fmt: skip


def assertion(client: RelyingParty, key: ECKey, **claims: Any) -> str:
    from support.authlib_plugin import Assertions

    text: Any = Assertions.sign(
        key, client.client_id, client.provider.issuer, "alice", alg="ES256", **claims
    )
    return text.decode() if isinstance(text, bytes) else str(text)


def test_a_jwt_bearer_assertion_names_its_client(asserting: RelyingParty, key: ECKey) -> None:
    """RFC 7521 section 4.1: further authentication of the client is optional."""
    form = {"grant_type": JWT_BEARER, "assertion": assertion(asserting, key), "scope": "profile"}
    answer = asserting.http.post("/oauth/token", form).json
    found = asserting.introspect(answer["access_token"])
    assert (found["active"], found["username"]) == (True, "alice")
    assert asserting.token(**form).json["access_token"] != answer["access_token"]


def test_a_wrong_secret_beside_an_assertion_is_rejected(
    provider: Provider, asserting: RelyingParty, key: ECKey
) -> None:
    form = {"grant_type": JWT_BEARER, "assertion": assertion(asserting, key)}
    asserting.secret = "wrong"
    assert asserting.token(**form, status=401).json["error"] == "invalid_client"
    another = provider.register(grant_types=[JWT_BEARER], response_types=[], redirect_uris=[])
    assert another.token(**form, status=401).json["error"] == "invalid_client"
    assert count(provider, Authorization) == 0


def test_an_assertion_of_another_key_is_rejected(
    provider: Provider, asserting: RelyingParty
) -> None:
    forged = assertion(asserting, ECKey.generate_key("P-256", {"kid": "one"}))
    refused = asserting.token(grant_type=JWT_BEARER, assertion=forged, status=400)
    assert refused.json["error"] == "invalid_grant"
    assert count(provider, Authorization) == 0


# -- device codes ------------------------------------------------------------------------------


@pytest.fixture
def device(provider: Provider) -> RelyingParty:
    return provider.register(
        grant_types=[DEVICE_CODE, "refresh_token"], response_types=[], redirect_uris=[]
    )


def decide(provider: Provider, user_code: str, *, approved: bool) -> None:
    """Do what the page of the user code would do."""
    with provider.database() as dbsession:
        dbsession.execute(
            update(Device)
            .where(Device.user_code == user_code)
            .values(username="alice", approved=approved)
        )


def ask(device: RelyingParty, **form: Any) -> dict[str, Any]:
    codes: dict[str, Any] = device.post("/device_authorization", status=200, **form).json
    return codes


def poll(device: RelyingParty, codes: dict[str, Any], status: Any = 200) -> dict[str, Any]:
    answer: dict[str, Any] = device.token(
        grant_type=DEVICE_CODE, device_code=codes["device_code"], status=status
    ).json
    return answer


def test_a_device_polls_until_its_user_has_decided(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    url = document["device_authorization_endpoint"]
    assert url == f"{provider.issuer}/device_authorization"
    codes = ask(device, scope="profile offline_access")
    assert poll(device, codes, 400)["error"] == "authorization_pending"
    assert poll(device, codes, 400)["error"] == "slow_down"
    clock.advance(codes["interval"] + 1)
    assert poll(device, codes, 400)["error"] == "authorization_pending"
    decide(provider, codes["user_code"], approved=True)
    tokens = poll(device, codes)
    assert device.introspect(tokens["access_token"])["username"] == "alice"
    assert "access_token" in device.refresh(tokens["refresh_token"])
    poll(device, codes, 400)


def test_a_device_is_denied(provider: Provider, device: RelyingParty) -> None:
    codes = ask(device)
    decide(provider, codes["user_code"], approved=False)
    assert poll(device, codes, 400)["error"] == "access_denied"
    assert count(provider, Authorization) == 0


def test_a_device_asks_for_no_scope_that_it_did_not_register(
    provider: Provider, device: RelyingParty
) -> None:
    refused = device.post("/device_authorization", scope="openid phone", status=400)
    assert refused.json["error"] == "invalid_scope"
    assert refused.headers["Error-Reference"]
    device.secret = "wrong"
    device.post("/device_authorization", status=401)
    assert count(provider, Device) == 0


def test_of_several_at_once_on_one_device_code_one_wins(
    provider: Provider, device: RelyingParty
) -> None:
    codes = ask(device, scope="profile")
    decide(provider, codes["user_code"], approved=True)
    form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"]}

    def redeem(_: int) -> int:
        return (
            RelyingParty(provider, device.client, device.secret)
            .token(**form, status="*")
            .status_int
        )

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert Counter(threads.map(redeem, range(AT_ONCE))) == {200: 1, 400: AT_ONCE - 1}
    assert count(provider, Authorization) == 1
    assert count(provider, RefreshToken) == 1
    assert count(provider, Device) == 0


# -- authorization codes -----------------------------------------------------------------------


def test_authorization_codes(provider: Provider) -> None:
    client = provider.register()
    answer = client.login(provider.browser())
    assert answer["state"] == "the-state"
    assert answer["iss"] == provider.issuer
    tokens = client.exchange(answer["code"])
    assert client.introspect(tokens["access_token"])["username"] == "alice"
    assert client.userinfo(tokens["access_token"]).json["preferred_username"] == "alice"
    assert "access_token" in client.refresh(tokens["refresh_token"])
    assert client.exchange(answer["code"], status=400)["error"] == "invalid_grant"


def test_a_code_is_for_its_client_and_its_redirect_uri(provider: Provider) -> None:
    client, another = provider.register(), provider.register()
    code = client.login(provider.browser())["code"]
    assert another.exchange(code, status=400)["error"] == "invalid_grant"
    wrong = client.exchange(code, status=400, redirect_uri="https://client.example/other")
    assert wrong["error"] == "invalid_grant"
    unproven = client.exchange(code, status=400, code_verifier="x" * 43)
    assert unproven["error"] == "invalid_grant"
    assert "access_token" in client.exchange(code)


# -- a grant that forgets something ------------------------------------------------------------


def test_a_grant_that_forgets_to_authenticate_the_client_issues_nothing(
    provider: Provider,
) -> None:
    client = provider.register(
        grant_types=["urn:example:forgetful"], response_types=[], redirect_uris=[]
    )
    form = {"grant_type": "urn:example:forgetful"}
    refused = client.http.post("/oauth/token", form, status=401)
    assert refused.json["error"] == "invalid_client"
    assert count(provider, Authorization) == 0
    client.secret, secret = "wrong", client.secret
    client.token(**form, status=401)
    client.secret = secret
    assert client.introspect(client.token(**form).json["access_token"])["active"]
    unregistered = provider.register()
    assert unregistered.token(**form, status=400).json["error"] == "unauthorized_client"
    assert count(provider, Authorization) == 1


def test_every_rejection_of_theirs_has_its_reference(
    provider: Provider, device: RelyingParty
) -> None:
    refused = device.token(grant_type=DEVICE_CODE, device_code="unknown", status=400)
    with provider.database() as dbsession:
        row = dbsession.get_one(RecordedRejection, refused.headers["Error-Reference"])
    assert row.error == refused.json["error"]
