"""A client asks for the sign-in of a user, who decides on a page (CIBA, poll mode)."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from queue import Queue
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from support.app import Browser, Provider, decode_id_token
from support.changed_client import change
from support.ciba import SETTINGS, CibaClient, decide, forms, user
from support.ending import end_everything
from support.faulty_plugin import failing

from oidcserver.database.runner import Database
from oidcserver.keys.store import KeyStore
from oidcserver.models import (
    Authorization,
    BackchannelRequest,
    Client,
    Consent,
    RefreshToken,
    User,
)
from oidcserver.models.user import find_user
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.grant_types import CIBA
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

CLAIM = "urn:openid:params:jwt:claim:auth_req_id"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    return provider


@pytest.fixture
def client(provider: Provider) -> CibaClient:
    return CibaClient(provider)


@pytest.fixture
def alice(provider: Provider) -> Browser:
    """The browser of the user whom the requests name."""
    return user(provider)


def rows(provider: Provider, *models: Any) -> list[int]:
    """Count the rows of tables."""
    with provider.database() as dbsession:
        return [dbsession.scalar(select(func.count()).select_from(it)) or 0 for it in models]


def together(*tries: Callable[[], Any]) -> list[Any]:
    """Let threads begin at one moment; return what each got."""
    barrier = Barrier(len(tries))

    def begin(attempt: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        return attempt()

    with ThreadPoolExecutor(len(tries)) as pool:
        return list(pool.map(begin, tries))


# The walk


def test_the_client_gets_tokens_once_the_user_has_allowed_the_request(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    client.rp.http.extra_environ["REMOTE_ADDR"] = "203.0.113.7"
    response = client.request(binding_message="W4SCT")
    answer = response.json
    assert response.headers["Cache-Control"] == "no-store"
    assert answer.keys() == {"auth_req_id", "expires_in", "interval"}
    assert (answer["expires_in"], answer["interval"]) == (300, 5)
    # Section 7.3: 160 bits, and these characters alone.
    assert re.fullmatch(r"[A-Za-z0-9._-]{27,}", answer["auth_req_id"])
    assert client.error(answer["auth_req_id"]) == "authorization_pending"
    page = alice.get("/approvals")
    for shown in ("The Example Application", "W4SCT", "See your name", "203.0.113.7"):
        assert shown in page
    assert "You allowed the request" in decide(alice)
    tokens = client.poll(answer["auth_req_id"])
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "openid profile"
    claims = decode_id_token(provider, tokens["id_token"])
    assert claims[CLAIM] == answer["auth_req_id"]
    assert claims["aud"] == client.rp.client_id
    assert "sid" not in claims, "the client's device has no part in the user's login session"
    assert claims["acr"] == "1"
    assert claims["amr"] == ["pwd"]
    assert "urn:openid:params:jwt:claim:rt_hash" not in claims
    assert client.rp.userinfo(tokens["access_token"]).json["sub"] == claims["sub"]
    refreshed = client.rp.refresh(tokens["refresh_token"])
    assert CLAIM not in decode_id_token(provider, refreshed["id_token"])


def test_the_sign_in_of_the_id_token_is_that_of_the_user_who_allowed(
    provider: Provider, client: CibaClient, alice: Browser, clock: Any
) -> None:
    with provider.database() as dbsession:
        then = dbsession.scalar(select(User.created_at))
    clock.advance(1000)
    auth_req_id = client.ask()
    decide(alice)
    claims = decode_id_token(provider, client.poll(auth_req_id)["id_token"])
    assert then is not None
    assert claims["auth_time"] - then < 500
    assert claims["iat"] - claims["auth_time"] >= 1000


def test_a_denied_request_gives_nothing(client: CibaClient, alice: Browser) -> None:
    auth_req_id = client.ask()
    assert "You denied the request" in decide(alice, "deny")
    assert client.error(auth_req_id) == "access_denied"
    assert client.error(auth_req_id) == "access_denied"
    assert forms(alice) == []


def test_a_client_without_the_refresh_grant_gets_no_refresh_token(
    provider: Provider, alice: Browser
) -> None:
    client = CibaClient(provider, grant_types=[CIBA], redirect_uris=[])
    auth_req_id = client.ask()
    decide(alice)
    assert "refresh_token" not in client.poll(auth_req_id)


def test_signing_out_where_the_request_was_allowed_ends_nothing_at_the_client(
    client: CibaClient, alice: Browser
) -> None:
    auth_req_id = client.ask()
    decide(alice)
    alice.get("/logout").forms["logout"].submit()
    tokens = client.poll(auth_req_id)
    client.rp.refresh(tokens["refresh_token"])


def test_a_pairwise_client_gets_its_own_subject(provider: Provider, alice: Browser) -> None:
    client = CibaClient(provider, subject_type="pairwise")
    auth_req_id = client.ask()
    decide(alice)
    subject = decode_id_token(provider, client.poll(auth_req_id)["id_token"])["sub"]
    with provider.database() as dbsession:
        assert find_user(dbsession, "alice").id != subject  # type: ignore[union-attr]


def test_the_user_withdraws_the_access_on_the_account_page(
    client: CibaClient, alice: Browser
) -> None:
    auth_req_id = client.ask()
    decide(alice)
    tokens = client.poll(auth_req_id)
    page = alice.get("/account")
    assert "The Example Application" in page
    form = next(it for it in page.forms.values() if "account/applications" in it.action)
    form.submit("client").forms["confirm"].submit("client")
    client.rp.refresh(tokens["refresh_token"], status=400)
    client.rp.userinfo(tokens["access_token"], status=401)


# Hints


def test_a_request_has_exactly_one_hint(client: CibaClient, alice: Browser) -> None:
    several: tuple[dict[str, Any], ...] = (
        {"login_hint": None},
        {"login_hint_token": "x"},
        {"id_token_hint": "x"},
        {"login_hint": None, "login_hint_token": "x", "id_token_hint": "x"},
    )
    for hints in several:
        assert client.refused(**hints) == "invalid_request", hints
    assert forms(alice) == []


def test_users_who_cannot_be_asked_get_one_answer(
    provider: Provider, client: CibaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("disabled", "elsewhere"):
        user(provider, name)
    with provider.database() as dbsession:
        dbsession.execute(update(User).where(User.username == "disabled").values(disabled_at=1))
        dbsession.execute(update(User).where(User.username == "elsewhere").values(realm="other"))
    reads: list[Any] = []
    own = Database.read

    def read(self: Database, read: Any, /, **values: Any) -> Any:
        reads.append(read)
        return own(self, read, **values)

    monkeypatch.setattr(Database, "read", read)
    answers = []
    for name in ("disabled", "elsewhere", "nobody"):
        reads.clear()
        rejected = client.request(status=400, login_hint=name)
        answers.append((rejected.body, len(reads)))
        assert rejected.json["error"] == "unknown_user_id"
    assert len(set(answers)) == 1, "the same body after the same reads, so also the same time"


def test_the_user_name_of_a_hint_is_normalised(client: CibaClient, alice: Browser) -> None:
    client.ask(login_hint="  ALICE ")
    assert len(forms(alice)) == 1


@pytest.mark.parametrize("subject_type", ["public", "pairwise"])
def test_an_id_token_names_the_user_also_after_its_expiry(
    provider: Provider, alice: Browser, clock: Any, subject_type: str
) -> None:
    client = CibaClient(provider, subject_type=subject_type)
    id_token = client.rp.exchange(client.rp.login(alice)["code"])["id_token"]
    clock.advance(700)
    client.ask(login_hint=None, id_token_hint=id_token)
    assert len(forms(alice)) == 1


def test_the_id_token_of_another_client_is_no_hint(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    other = provider.register()
    tokens = other.exchange(other.login(alice)["code"])
    for text in (tokens["id_token"], tokens["access_token"], "garbage"):
        assert client.refused(login_hint=None, id_token_hint=text) == "invalid_request"


def test_the_subject_of_another_sector_is_no_hint(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    """A client whose subject type has changed does not know the user by the old subject."""
    pairwise = CibaClient(provider, subject_type="pairwise")
    id_token = pairwise.rp.exchange(pairwise.rp.login(alice)["code"])["id_token"]
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, pairwise.rp.client_id)
        row.client_metadata = {**row.client_metadata, "subject_type": "public"}
    assert pairwise.refused(login_hint=None, id_token_hint=id_token) == "unknown_user_id"


def test_a_login_hint_token_is_for_plugins(client: CibaClient) -> None:
    assert client.refused(login_hint=None, login_hint_token="x") == "invalid_request"


def test_a_plugin_reads_a_login_hint_token_of_its_own_format(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidcserver__includes="support.hint_token_plugin")
    client, alice = CibaClient(provider), user(provider)
    client.ask(login_hint=None, login_hint_token="name:alice")
    assert len(forms(alice)) == 1
    assert client.refused(login_hint=None, login_hint_token="name:bob") == "unknown_user_id"


# The other parameters


def test_a_binding_message_is_short_and_plain(client: CibaClient) -> None:
    for message in (
        "x" * 65,
        "<b>pay</b>",
        "pay\nnow",
        "pay\u2028now",
        "\u202e0001",
        "pay\u200bnow",
        "pay\x1b[0m",
        "   ",
    ):
        error = client.refused(binding_message=message)
        assert error == "invalid_binding_message", ascii(message)


def test_a_plain_binding_message_is_shown_as_it_is(client: CibaClient, alice: Browser) -> None:
    for message in ["1234", "x" * 64, 'Zahlung 12,50 € & "mehr"', "支付 👍🏿"]:
        client.ask(binding_message=message)
        [shown] = alice.get("/approvals").html.select(".binding")
        assert shown.get_text() == message
        decide(alice)


def test_a_client_may_shorten_and_extend_the_time_to_decide(
    client: CibaClient, alice: Browser
) -> None:
    for requested, granted in (("30", 30), ("900", 900), ("100000", 900), (None, 300)):
        assert client.request(requested_expiry=requested).json["expires_in"] == granted
        decide(alice)


def test_a_requested_expiry_is_a_positive_number(client: CibaClient) -> None:
    for requested in ("0", "-1", "1.5", "1e3", "٣", "ten", "9" * 10):
        assert client.refused(requested_expiry=requested) == "invalid_request", requested


def test_a_user_code_is_not_ignored(client: CibaClient, alice: Browser) -> None:
    assert client.refused(user_code="1234") == "invalid_request"


def test_the_scope_has_openid(client: CibaClient, alice: Browser) -> None:
    assert client.refused(scope=None) == "invalid_request"
    assert client.refused(scope="profile") == "invalid_scope"


def test_scopes_that_the_client_did_not_register_are_ignored(
    client: CibaClient, alice: Browser
) -> None:
    auth_req_id = client.ask(scope="phone profile openid")
    decide(alice)
    assert client.poll(auth_req_id)["scope"] == "profile openid"


def test_the_id_token_has_the_first_requested_class_that_was_reached(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    auth_req_id = client.ask(acr_values="urn:example:gold 1")
    decide(alice)
    assert decode_id_token(provider, client.poll(auth_req_id)["id_token"])["acr"] == "1"


def test_a_repeated_parameter_is_rejected(client: CibaClient, alice: Browser) -> None:
    body = "scope=openid&login_hint=alice&login_hint=bob"
    headers = {**client.rp.basic(), "Content-Type": "application/x-www-form-urlencoded"}
    rejected = client.rp.http.post("/oauth/bc-authorize", body, headers=headers, status=400)
    assert rejected.json["error"] == "invalid_request"


# The client


def test_the_client_has_to_authenticate(client: CibaClient, alice: Browser) -> None:
    form = {"scope": "openid", "login_hint": "alice", "client_id": client.rp.client_id}
    rejected = client.rp.http.post("/oauth/bc-authorize", form, status=401)
    assert rejected.json["error"] == "invalid_client"
    client.rp.secret = "wrong"
    assert client.request(status=401).json["error"] == "invalid_client"


def test_a_public_client_is_rejected_also_if_its_row_says_that_it_may(
    provider: Provider, alice: Browser
) -> None:
    public = provider.register(token_endpoint_auth_method="none")
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, public.client_id)
        row.client_metadata = {**row.client_metadata, "grant_types": [CIBA]}
    form = {"scope": "openid", "login_hint": "alice"}
    assert public.post("/oauth/bc-authorize", status=401, **form).json["error"] == "invalid_client"


def test_a_client_has_to_register_the_grant_type(provider: Provider, alice: Browser) -> None:
    client = CibaClient(provider, grant_types=["authorization_code"])
    assert client.refused() == "unauthorized_client"
    assert client.error("bc_x") == "unauthorized_client"


def test_a_client_that_nobody_vouches_for_asks_nobody(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    with provider.database() as dbsession:
        dbsession.get_one(Client, client.rp.client_id).self_registered = True
    for name in ("alice", "nobody"):
        assert client.refused(login_hint=name) == "unauthorized_client"
    assert forms(alice) == []


@pytest.mark.parametrize("everybody", [True, False])
def test_a_client_that_may_only_push_requests_asks_here_without(
    make_provider: Any, everybody: bool
) -> None:
    """The requirement is about the authorization endpoint (RFC 9126 section 6)."""
    name = "require_pushed_authorization_requests"
    endpoints = f"{SETTINGS['oauth__endpoints']} pushed_authorization_request"
    own = {"oauth__endpoints": endpoints, f"oauth__{name}": str(everybody).lower()}
    provider = make_provider(**{**SETTINGS, **own})
    client, alice = CibaClient(provider, **({} if everybody else {name: True})), user(provider)
    auth_req_id = client.ask()
    decide(alice)
    assert "access_token" in client.poll(auth_req_id)


def test_only_post_is_answered(client: CibaClient) -> None:
    assert client.rp.http.get("/oauth/bc-authorize", status=405).headers["Allow"] == "POST"


# Polling


def test_a_client_that_polls_too_fast_has_to_slow_down(
    client: CibaClient, alice: Browser, frozen: Any
) -> None:
    auth_req_id = client.ask()
    assert client.error(auth_req_id) == "authorization_pending"
    frozen.advance(5)
    assert client.error(auth_req_id) == "authorization_pending"
    assert client.error(auth_req_id) == "slow_down"
    frozen.advance(5)
    assert client.error(auth_req_id) == "slow_down", "the interval is 10 s now"
    frozen.advance(15)
    assert client.error(auth_req_id) == "authorization_pending"
    decide(alice)
    assert "access_token" in client.poll(auth_req_id), "there is something to fetch"


def test_a_client_without_its_key_learns_so_before_the_user_decides(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oauth__sender_constraints="dpop")
    client = CibaClient(provider, dpop_bound_access_tokens=True)
    alice = user(provider)
    auth_req_id = client.ask()
    assert client.error(auth_req_id) == "invalid_dpop_proof"
    decide(alice)
    assert client.error(auth_req_id) == "invalid_dpop_proof"


def test_an_expired_request_gives_nothing_also_if_it_was_allowed(
    client: CibaClient, alice: Browser, frozen: Any
) -> None:
    allowed, open_one = client.ask(requested_expiry="10"), client.ask(requested_expiry="10")
    forms(alice)[0].submit("decision", value="allow")
    stale = forms(alice)[-1]
    frozen.advance(10)
    assert client.error(allowed) == client.error(open_one) == "expired_token"
    assert "has expired" in stale.submit("decision", value="allow").follow()
    assert client.error(open_one) == "expired_token"


def test_an_auth_req_id_is_redeemed_once(client: CibaClient, alice: Browser) -> None:
    auth_req_id = client.ask()
    decide(alice)
    tokens = client.poll(auth_req_id)
    assert client.error(auth_req_id) == "invalid_grant"
    # A repeated poll, after an answer that was lost, does not end what the first one gave.
    client.rp.userinfo(tokens["access_token"])


def test_the_auth_req_id_of_another_client_is_invalid_and_stays_usable(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    thief = CibaClient(provider)
    auth_req_id = client.ask()
    assert thief.error(auth_req_id) == "invalid_grant"
    assert client.error(auth_req_id) == "authorization_pending", "the thief's poll does not count"
    decide(alice)
    assert thief.error(auth_req_id) == "invalid_grant"
    assert "access_token" in client.poll(auth_req_id)


def test_any_other_text_is_no_auth_req_id(client: CibaClient) -> None:
    for text in ("bc_unknown", "ac_" + "x" * 43, "x" * 4000):
        assert client.error(text) == "invalid_grant"
    missing = client.rp.token(status=400, grant_type=CIBA)
    assert missing.json["error"] == "invalid_request"


def test_what_ends_the_access_before_the_poll_ends_the_request(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    def disable(provider: Provider) -> None:
        with provider.database() as dbsession:
            account = find_user(dbsession, "alice")
            assert account is not None
            account.disabled_at = 1

    for happens in (end_everything, disable):
        auth_req_id = client.ask()
        decide(alice)
        happens(provider)
        assert client.error(auth_req_id) == "invalid_grant", happens.__name__
        if happens is end_everything:
            alice.sign_in()


def test_a_scope_that_the_client_lost_since_is_not_granted(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    auth_req_id, other = client.ask(), client.ask()
    decide(alice)
    decide(alice)
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.rp.client_id)
        row.client_metadata = {**row.client_metadata, "scope": "openid"}
    assert client.poll(auth_req_id)["scope"] == "openid"
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.rp.client_id)
        row.client_metadata = {**row.client_metadata, "scope": "profile"}
    assert client.error(other) == "invalid_grant"


# The page


def test_nobody_else_sees_or_decides_a_request(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    auth_req_id, bob = client.ask(), user(provider, "bob")
    assert forms(bob) == []
    [form] = forms(alice)
    # Bob signs in where the page of alice is still open, and forges her form as his own.
    alice.get("/logout").forms["logout"].submit()
    alice.sign_in("bob")
    own = next(it for it in alice.get("/account").forms.values() if "csrf_account" in it.fields)
    form["csrf_token"] = own["csrf_token"].value
    assert "switched to another account" in form.submit("decision", value="allow", status=403)
    form["csrf_account"] = own["csrf_account"].value
    form.submit("decision", value="allow").follow()
    assert client.error(auth_req_id) == "authorization_pending"
    assert rows(provider, Authorization, Consent) == [0, 0]


def test_a_visitor_signs_in_and_comes_back(provider: Provider, client: CibaClient) -> None:
    user(provider)
    client.ask()
    browser = provider.browser()
    page = browser.get("/approvals").follow()
    page.forms["login"]["username"], page.forms["login"]["password"] = "alice", "valid"
    page = page.forms["login"].submit().follow()
    assert "The Example Application" in page


def test_a_form_without_its_token_decides_nothing(client: CibaClient, alice: Browser) -> None:
    auth_req_id = client.ask()
    [form] = forms(alice)
    form["csrf_token"] = "forged"
    assert form.submit("decision", value="allow", expect_errors=True).status_int == 403
    assert client.error(auth_req_id) == "authorization_pending"


def test_a_double_click_decides_once(client: CibaClient, alice: Browser) -> None:
    auth_req_id = client.ask()
    [form] = forms(alice)
    form.submit("decision", value="allow")
    assert "was decided before" in form.submit("decision", value="deny").follow()
    assert "access_token" in client.poll(auth_req_id)


def test_another_decision_than_the_two_changes_nothing(client: CibaClient, alice: Browser) -> None:
    auth_req_id = client.ask()
    [form] = forms(alice)
    alice.post(form.action, [*form.submit_fields(), ("decision", "perhaps")])
    assert client.error(auth_req_id) == "authorization_pending"


@pytest.mark.parametrize("changes", [{"scope": "openid"}, {"client_name": "Your Bank"}])
def test_a_client_that_changed_since_the_page_was_opened_is_shown_again(
    provider: Provider, client: CibaClient, alice: Browser, changes: dict[str, str]
) -> None:
    auth_req_id = client.ask(scope="openid profile")
    [form] = forms(alice)
    change(provider, client.rp, **changes)
    page = form.submit("decision", value="allow").follow()
    assert "The application has changed since you opened this page." in page
    assert client.error(auth_req_id) == "authorization_pending"
    decide(alice)
    assert client.poll(auth_req_id)["scope"] == changes.get("scope", "openid profile")


def test_the_home_page_says_how_many_requests_wait(client: CibaClient, alice: Browser) -> None:
    assert "waiting for your decision" not in alice.get("/")
    client.ask()
    assert "1 request is waiting for your decision" in alice.get("/")
    client.ask()
    assert "2 requests are waiting for your decision" in alice.get("/")
    assert "Requests" in alice.get("/account").html.nav.get_text()


def test_names_and_messages_are_escaped(provider: Provider, alice: Browser) -> None:
    client = CibaClient(provider, client_name="<script>alert(1)</script>")
    client.ask(binding_message="\"&amp; ' {{ 7*7 }}")
    page = alice.get("/approvals")
    assert all("src" in it.attrs and not it.get_text() for it in page.html.select("script"))
    [shown] = page.html.select(".binding")
    assert shown.get_text() == "\"&amp; ' {{ 7*7 }}"


def test_the_user_signs_in_again_where_the_client_requires_a_new_sign_in(
    provider: Provider, alice: Browser, frozen: Any
) -> None:
    client = CibaClient(provider, default_max_age=60)
    frozen.advance(61)
    auth_req_id = client.ask()
    page = forms(alice)[0].submit("decision", value="allow").follow()
    assert client.error(auth_req_id) == "authorization_pending"
    page.forms["login"]["username"], page.forms["login"]["password"] = "alice", "valid"
    page.forms["login"].submit().follow()
    assert "You allowed the request" in decide(alice)
    claims = decode_id_token(provider, client.poll(auth_req_id)["id_token"])
    assert claims["auth_time"] == claims["iat"]


# Limits, races and faults


def test_a_fourth_open_request_to_one_user_is_rejected(
    provider: Provider, client: CibaClient, alice: Browser, frozen: Any
) -> None:
    prompts: list[OAuthEvent] = []
    provider.registry.registerHandler(prompts.append, (OAuthEvent,))
    other = CibaClient(provider)
    client.ask(requested_expiry="60")
    client.ask()
    other.ask()
    rejected = other.request(status=429)
    assert rejected.headers["Retry-After"] == "60"
    assert rejected.json["error"] == "temporarily_unavailable"
    assert len(forms(alice)) == 3
    assert [it.name for it in prompts] == ["backchannel_authentication_requested"] * 3
    user(provider, "bob")
    client.ask(login_hint="bob")
    decide(alice, "deny")
    other.ask()
    other.request(status=429)
    frozen.advance(300)
    other.ask()


def test_of_many_requests_at_once_no_more_than_the_limit_are_shown(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    twins = [client.apart() for _ in range(8)]
    answers = together(*(lambda it=it: it.request(status="*").status_int for it in twins))
    assert sorted(answers) == [200] * 3 + [429] * 5
    assert rows(provider, BackchannelRequest) == [3]


def test_of_twelve_polls_of_an_allowed_request_one_gets_the_tokens(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    auth_req_id = client.ask()
    decide(alice)
    twins = [client.apart() for _ in range(12)]
    answers = together(*(lambda it=it: it.poll(auth_req_id, status="*") for it in twins))
    errors = sorted(answer.get("error", "") for answer in answers)
    assert errors == ["", *["invalid_grant"] * 11]
    assert rows(provider, RefreshToken) == [1], "the losers left nothing"


def test_of_allowing_and_denying_at_once_one_counts(provider: Provider, client: CibaClient) -> None:
    browsers = [user(provider), user(provider)]
    for _ in range(5):
        auth_req_id = client.ask()
        pairs = zip(browsers, ("allow", "deny"), strict=True)
        tries = [(forms(browser)[-1], decision) for browser, decision in pairs]
        pages = together(
            *(lambda it=it: it[0].submit("decision", value=it[1]).location for it in tries)
        )
        assert sum("notice=gone" in location for location in pages) == 1
        if "notice=allowed" in pages[0]:
            assert "access_token" in client.poll(auth_req_id)
        else:
            assert client.error(auth_req_id) == "access_denied"
    with provider.database() as dbsession:
        used = select(func.count()).where(BackchannelRequest.authorization_id.is_not(None))
        allowed = dbsession.scalar(used)
    assert rows(provider, Authorization) == [allowed]


def test_a_fault_before_the_commit_consumes_nothing(
    provider: Provider, client: CibaClient, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_key(*_: Any) -> Any:
        raise OSError("The key cannot be read.")

    def no_write(*_: Any, **__: Any) -> Any:
        raise OperationalError("a write", None, Exception("The connection is lost."))

    auth_req_id = client.ask()
    decide(alice)
    for owner, name, fault in ((KeyStore, "signing_key", no_key), (Database, "write", no_write)):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fault)
            response = client.rp.post(
                "/oauth/token", grant_type=CIBA, auth_req_id=auth_req_id, status="*"
            )
            assert response.status_int >= 500
    assert rows(provider, RefreshToken) == [0]
    assert "access_token" in client.poll(auth_req_id)


def test_a_request_that_fails_before_the_commit_asks_nobody(
    provider: Provider, client: CibaClient, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("a write", None, Exception("The connection is lost."))

    with monkeypatch.context() as patch:
        patch.setattr("oidcserver.models.backchannel_request.select", fail)
        patch.setattr(provider.registry, "notify", told.append)
        assert client.request(status="*").status_int >= 500
    assert [it for it in told if isinstance(it, OAuthEvent)] == []
    assert forms(alice) == []


def test_a_decision_that_fails_before_the_commit_leaves_the_request_open(
    provider: Provider, client: CibaClient, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("a write", None, Exception("The connection is lost."))

    auth_req_id = client.ask()
    [form] = forms(alice)
    with monkeypatch.context() as patch:
        patch.setattr("oidcserver.oidc.ciba.decisions.grant_consent", fail)
        failed = form.submit("decision", value="allow", expect_errors=True)
    assert failed.status_int >= 500
    assert rows(provider, Authorization, Consent) == [0, 0]
    assert client.error(auth_req_id) == "authorization_pending"
    decide(alice)
    assert "access_token" in client.poll(auth_req_id)


def test_a_subscriber_that_fails_costs_nobody_anything(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidcserver__includes="support.faulty_plugin")
    client, alice = CibaClient(provider), user(provider)
    with failing("subscriber"):
        auth_req_id = client.ask()
        assert "You allowed the request" in decide(alice)
        assert "access_token" in client.poll(auth_req_id)


# Plugins, discovery, the start


def test_the_log_of_development_says_where_the_user_decides(
    client: CibaClient, alice: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    client.ask()
    assert "alice decides on the request at http://localhost:6543/approvals" in caplog.text


def test_a_plugin_hears_of_a_request_and_mails_the_user(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make_provider(
        **SETTINGS, oidcserver__includes="approval_mail", approval_mail__host="mail.example"
    )
    import approval_mail

    sent: Queue[tuple[str, EmailMessage]] = Queue()
    monkeypatch.setattr(approval_mail, "deliver", lambda host, mail: sent.put((host, mail)))
    user(provider)
    CibaClient(provider).ask(binding_message="1234")
    host, mail = sent.get(timeout=10)
    assert (host, mail["To"]) == ("mail.example", "alice")
    assert "1234" in mail.get_content()
    assert "http://localhost:6543/approvals" in mail.get_content()


def test_the_event_names_client_user_and_message(
    provider: Provider, client: CibaClient, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[OAuthEvent] = []
    monkeypatch.setattr(provider.registry, "notify", events.append)
    client.ask(binding_message="1234")
    [event] = [it for it in events if isinstance(it, OAuthEvent)]
    assert event.name == "backchannel_authentication_requested"
    assert event.details["client_id"] == client.rp.client_id
    assert event.details["binding_message"] == "1234"
    assert "bc_" not in str(event.details)


def test_resources_and_authorization_details_are_shown_and_granted(make_provider: Any) -> None:
    api = "https://api.example"
    provider = make_provider(**SETTINGS, oidcserver__includes="payments", oauth__resources=api)
    client = CibaClient(provider, authorization_details_types=["payment_initiation"])
    alice = user(provider)
    payment = {
        "type": "payment_initiation",
        "instructedAmount": {"currency": "EUR", "amount": "12.50"},
        "creditorName": "<i>Merchant</i>",
        "creditorAccount": {"iban": "DE02100100109307118603"},
    }
    auth_req_id = client.ask(resource=api, authorization_details=json.dumps([payment]))
    page = alice.get("/approvals")
    for shown in ("Pay 12.50 EUR to &lt;i&gt;Merchant", "DE02100100109307118603", api):
        assert shown in page
    decide(alice)
    twice = json.dumps([payment, payment])
    refused = client.poll(auth_req_id, status=400, authorization_details=twice)
    assert refused["error"] == "invalid_authorization_details"
    tokens = client.poll(auth_req_id)
    assert tokens["authorization_details"] == [payment]
    token = client.rp.introspect(tokens["access_token"])
    assert token["aud"] == api
    assert token["authorization_details"] == [payment]


def test_resources_and_authorization_details_are_checked(make_provider: Any) -> None:
    provider = make_provider(
        **SETTINGS, oidcserver__includes="payments", oauth__resources="https://api.example"
    )
    client = CibaClient(provider)
    assert client.refused(resource="https://other.example") == "invalid_target"
    payment = json.dumps([{"type": "payment_initiation"}])
    assert client.refused(authorization_details=payment) == "invalid_authorization_details"


def test_discovery_says_what_is_there(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["backchannel_authentication_endpoint"].endswith("/oauth/bc-authorize")
    assert document["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert document["backchannel_user_code_parameter_supported"] is False
    algorithms = document["backchannel_authentication_request_signing_alg_values_supported"]
    assert set(algorithms) == {"RS256", "PS256", "ES256", "Ed25519", "EdDSA"}
    assert CIBA in document["grant_types_supported"]


def test_what_is_not_selected_is_not_there(make_provider: Any) -> None:
    provider = make_provider()
    browser = provider.browser()
    document = browser.get("/.well-known/openid-configuration").json
    assert [name for name in document if "backchannel_" in name] == []
    browser.post("/oauth/bc-authorize", status=404)
    browser.get("/approvals", status=404)
    client = provider.register(backchannel_token_delivery_mode="push")
    assert client.client.member("backchannel_token_delivery_mode") is None


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("oauth__grants", "authorization_code", "belong together"),
        ("oauth__endpoints", "token authorization", "belong together"),
        ("oidc__ciba_delivery_modes", "", "select poll"),
        ("oidc__ciba_delivery_modes", "push", "push"),
        ("oidc__ciba_open_requests", "0", "would reject every request"),
        ("oidc__ciba_request_signing_algs", "HS256", "HS256"),
    ],
)
def test_a_contradiction_stops_the_start(
    make_provider: Any, setting: str, value: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, setting: value})


def test_a_start_without_the_page_is_warned_of(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_provider(**{**SETTINGS, "oidc__pages": "login logout consent"})
    assert "oidc.pages does not select approvals" in caplog.text


def test_a_dump_has_no_auth_req_id_and_nothing_of_it_is_accepted(
    provider: Provider, client: CibaClient, alice: Browser
) -> None:
    auth_req_id = client.ask()
    decide(alice)
    with provider.database() as dbsession:
        [row] = dbsession.execute(select(BackchannelRequest.__table__)).all()
    assert not any(auth_req_id in str(cell) for cell in row)
    for cell in row:
        if isinstance(cell, str) and cell:
            assert client.error(cell) == "invalid_grant"
    assert "access_token" in client.poll(auth_req_id)
