"""Signing in at another OpenID Provider: an honest one, a false one, and one that is away."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from pyramid.scripting import prepare
from sqlalchemy import func, select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.factors import App
from support.upstream import CLIENT_ID, SECRET, Upstream

from oidcserver.accounts.upstreams import linking
from oidcserver.accounts.upstreams.exchange import Identity
from oidcserver.http.outbound import MAX_CONCURRENT
from oidcserver.models import UpstreamLink, UpstreamRequest, User
from oidcserver.models.user import find_user

pytestmark = pytest.mark.both_databases

ADA = {"email": "ada@example.com", "email_verified": True}


@pytest.fixture
def make(make_provider: Any, upstream: Upstream) -> Any:
    def make(**options: object) -> Provider:
        provider: Provider = make_provider(
            oidc__user_directory="database", **upstream.settings(**options)
        )
        return provider

    return make


def add_user(provider: Provider, username: str, **claims: Any) -> str:
    with provider.database() as dbsession:
        user = User(username, claims=claims)
        dbsession.add(user)
        dbsession.flush()
        return user.id


def count(provider: Provider, model: Any) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(model)) or 0


def refused(provider: Provider, upstream: Upstream, notice: str = "upstream") -> None:
    """Sign in there and find the login page again, with a message and nothing changed."""
    browser = provider.browser()
    answer = upstream.sign_in(browser)
    assert answer.location == f"{provider.issuer}/login?notice={notice}"
    assert answer.follow().html.find(class_="message error")
    assert "/login" in browser.get("/account").location


def test_a_new_user_signs_in_to_an_application(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true", acr="upstream")
    upstream.userinfo = {**ADA, "name": "Ada", "roles": ["admin"]}
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, scope="openid profile email")
    to_upstream = page.forms["upstream-other"].submit()
    consent = follow_to_answer(browser.get(upstream.answer_url(to_upstream)))
    tokens = client.exchange(client.answer(client.complete(consent))["code"])
    claims = client.userinfo(tokens["access_token"]).json
    assert claims["email"] == "ada@example.com"
    assert claims["email_verified"] is True
    assert claims["name"] == "Ada"
    assert "roles" not in claims
    assert decode_id_token(provider, tokens["id_token"])["acr"] == "upstream"
    assert upstream.asked["code_challenge_method"] == "S256"
    assert upstream.asked["redirect_uri"] == f"{provider.issuer}/login/upstream/other/callback"
    form = upstream.forms[0]
    assert form["redirect_uri"] == upstream.asked["redirect_uri"]
    assert len(form["code_verifier"]) >= 43


def test_the_same_user_has_the_same_account(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    upstream.sign_in(provider.browser())
    upstream.userinfo = {"email": "lovelace@example.com", "preferred_username": "lovelace"}
    upstream.sign_in(provider.browser())
    assert count(provider, User) == 1
    upstream.claims = upstream.userinfo = {"sub": "u2"}
    upstream.sign_in(provider.browser())
    assert count(provider, User) == 2


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("client_secret_basic", set()),
        ("client_secret_post", {"client_id", "client_secret"}),
        ("private_key_jwt", {"client_id", "client_assertion", "client_assertion_type"}),
    ],
)
def test_we_authenticate_there(make: Any, upstream: Upstream, method: str, sent: set[str]) -> None:
    provider = make(allow_registration="true", token_endpoint_auth_method=method)
    browser = provider.browser()
    upstream.sign_in(browser)
    assert browser.get("/account").status_code == 200
    own = {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert upstream.forms[0].keys() == own | sent
    token = next(
        it for it, path in zip(upstream.headers, upstream.requests, strict=True) if path == "/token"
    )
    assert ("Authorization" in token) is (method == "client_secret_basic")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"aud": "another"},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": None},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"exp": True},
        {"iat": 4_000_000_000},
        {"iat": "now"},
        {"at_hash": "another"},
    ],
)
def test_a_false_id_token_signs_nobody_in(
    make: Any, upstream: Upstream, claims: dict[str, Any]
) -> None:
    upstream.claims = claims
    provider = make(allow_registration="true")
    refused(provider, upstream)
    assert count(provider, User) == 0


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_an_algorithm_without_its_key_signs_nobody_in(
    make: Any, upstream: Upstream, alg: str
) -> None:
    upstream.alg = alg
    refused(make(allow_registration="true"), upstream)


@pytest.mark.parametrize(
    "query",
    [
        {"iss": None},
        {"iss": "https://elsewhere.example"},
        {"code": None},
        {"code": None, "error": "access_denied"},
        {"state": "us_another"},
        {"state": None},
    ],
)
def test_a_false_answer_signs_nobody_in(
    make: Any, upstream: Upstream, query: dict[str, Any]
) -> None:
    upstream.query = query
    refused(make(allow_registration="true"), upstream)
    assert "/token" not in upstream.requests


@pytest.mark.parametrize(
    ("path", "status"), [("/token", 500), ("/token", 400), ("/userinfo", 503), ("/jwks", 500)]
)
def test_an_upstream_in_trouble_leaves_the_other_ways(
    make: Any, upstream: Upstream, path: str, status: int
) -> None:
    upstream.status[path] = status
    refused(make(allow_registration="true"), upstream)


def test_a_wrong_secret_is_said_to_be_one(
    make: Any, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.status["/token"], upstream.tokens["error"] = 401, "invalid_client"
    upstream.sign_in(make().browser())
    assert "client_secret or token_endpoint_auth_method of oidc.upstream.other" in caplog.text


def test_garbage_leaves_the_other_ways(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    for garbage in ("", "<html>", "[]", '"text"', '{"a": ' * 5000, "\0", "{}" + " " * 1_000_000):
        upstream.garbage["/token"] = garbage
        refused(provider, upstream)
    assert count(provider, User) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"issuer": "https://elsewhere.example"}},
        {"metadata": {"token_endpoint": None}},
        {"metadata": {"authorization_endpoint": "javascript:alert(1)"}},
        {"status": {"/.well-known/openid-configuration": 500}},
    ],
)
def test_without_its_metadata_the_button_leads_back(
    make: Any, upstream: Upstream, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(upstream, name, value)
    browser = make().browser()
    answer = browser.get("/login").forms["upstream-other"].submit()
    assert answer.location.endswith("/login?notice=upstream")


def test_userinfo_of_another_user_signs_nobody_in(make: Any, upstream: Upstream) -> None:
    upstream.userinfo = {"sub": "u2"}
    refused(make(allow_registration="true"), upstream)


def test_an_upstream_that_hangs_is_not_waited_for_again(
    make_provider: Any, upstream: Upstream
) -> None:
    provider = make_provider(oauth__outbound_timeout="1", **upstream.settings())
    browser = provider.browser()
    client = provider.register()
    page = client.authorize(browser)
    upstream.may_answer.clear()
    failed = page.forms["upstream-other"].submit().follow()
    asked = len(upstream.requests)
    assert "Signing in there failed" in failed
    assert "Signing in there failed" in failed.forms["upstream-other"].submit().follow()
    assert len(upstream.requests) == asked
    # The request of the application goes on another way.
    assert "code" in client.answer(client.complete(failed))


def test_too_many_fetches_leave_the_other_ways(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true", backchannel_logout="true")
    browser = provider.browser()
    with fetches_under_way(provider):
        answer = browser.get("/login").forms["upstream-other"].submit()
        assert answer.location.endswith("/login?notice=upstream")
    url = upstream.answer_url(browser.get("/login").forms["upstream-other"].submit())
    with fetches_under_way(provider):
        assert browser.get(url).location.endswith("/login?notice=upstream")
        provider.browser().post(
            "/login/upstream/other/backchannel-logout",
            {"logout_token": upstream.logout_token()},
            status=400,
        )
    upstream.sign_in(browser)
    assert browser.get("/account").status_code == 200


@contextmanager
def fetches_under_way(provider: Provider) -> Iterator[None]:
    """Let the process have as many fetches under way as it may."""
    places = provider.registry.oidc.outbound_fetcher.places
    for _number in range(MAX_CONCURRENT):
        assert places.acquire(blocking=False)
    yield
    places.release(MAX_CONCURRENT)


def test_the_answer_belongs_to_one_browser_and_is_used_once(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    browser, other = provider.browser(), provider.browser()
    url = upstream.answer_url(browser.get("/login").forms["upstream-other"].submit())
    assert "notice=upstream" in other.get(url).location
    assert "notice" not in browser.get(url).location
    assert "notice=upstream" in browser.get(url).location


def test_the_answer_belongs_to_one_upstream(make_provider: Any, upstream: Upstream) -> None:
    twice = {**upstream.settings("second"), **upstream.settings()}
    provider = make_provider(**{**twice, "oidc__upstreams": "other second"})
    browser = provider.browser()
    url = upstream.answer_url(browser.get("/login").forms["upstream-other"].submit())
    assert "notice=upstream" in browser.get(url.replace("/other/", "/second/")).location
    assert "/token" not in upstream.requests


def test_the_answer_comes_in_time(make: Any, upstream: Upstream, clock: Any) -> None:
    browser = make(allow_registration="true").browser()
    url = upstream.answer_url(browser.get("/login").forms["upstream-other"].submit())
    clock.advance(901)
    assert "notice=upstream" in browser.get(url).location


def test_of_twelve_with_one_answer_one_signs_in(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    browser = provider.browser()
    url = upstream.answer_url(browser.get("/login").forms["upstream-other"].submit())
    cookies = dict(browser.cookies)

    def attempt(_number: int) -> str:
        twin = provider.browser()
        for name, value in cookies.items():
            twin.set_cookie(name, value.strip('"'))
        return str(twin.get(url).location)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(attempt, range(12)))
    assert sum("notice" not in it for it in answers) == 1
    assert count(provider, User) == count(provider, UpstreamLink) == 1


def test_of_four_new_sign_ins_of_one_user_one_makes_the_account(
    make_provider: Any, upstream: Upstream
) -> None:
    provider = make_provider(
        oidc__user_directory="database",
        oauth__outbound_places="8",
        **upstream.settings(allow_registration="true", userinfo="false"),
    )
    urls = []
    for _number in range(4):
        browser = provider.browser()
        urls.append(
            (browser, upstream.answer_url(browser.get("/login").forms["upstream-other"].submit()))
        )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda it: it[0].get(it[1]), urls))
    assert count(provider, User) == count(provider, UpstreamLink)


def test_of_two_new_users_of_one_name_at_once_one_gets_it(
    make: Any, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make(allow_registration="true", username_claim="preferred_username")
    both, name = Barrier(2), linking._username

    def name_both(*arguments: Any) -> str:
        """Choose the name in both requests before one takes it; on SQLite one waits."""
        chosen = name(*arguments)
        with suppress(BrokenBarrierError):
            both.wait(2)
        return chosen

    def sign_in(subject: str) -> str:
        other = provider.registry.oidc.provider.upstreams["other"]
        claims = {"preferred_username": "ada"}
        identity = Identity(other, upstream.issuer, subject, claims, "", 0, 0, "")
        with prepare(registry=provider.registry) as env:
            request = env["request"]
            with request.oidc.database.transaction():
                return linking.account_of_identity(request, identity).username

    monkeypatch.setattr(linking, "_username", name_both)
    with ThreadPoolExecutor(2) as pool:
        names = sorted(pool.map(sign_in, ["u1", "u2"]))
    assert names[0] == "ada"
    assert names[1].startswith("other-")


def test_without_registration_there_is_no_new_account(make: Any, upstream: Upstream) -> None:
    provider = make()
    refused(provider, upstream, "upstream_unknown")
    assert count(provider, User) == count(provider, UpstreamLink) == 0


@pytest.mark.parametrize("linking", ["none", "session"])
def test_an_equal_address_links_nobody(make: Any, upstream: Upstream, linking: str) -> None:
    upstream.userinfo = ADA
    provider = make(allow_registration="true", linking=linking)
    add_user(provider, "ada", **ADA)
    refused(provider, upstream, "upstream_known")
    assert count(provider, UpstreamLink) == 0


def test_an_address_that_both_have_verified_links_where_the_policy_says_so(
    make: Any, upstream: Upstream
) -> None:
    upstream.userinfo = {**ADA, "email": "ADA@example.com"}
    provider = make(linking="verified_email")
    add_user(provider, "ada", **ADA)
    browser = provider.browser()
    upstream.sign_in(browser)
    assert "ada" in browser.get("/account")
    # Another user there who got the address since does not take the account over.
    upstream.claims = {"sub": "u2"}
    upstream.userinfo = {**ADA, "sub": "u2"}
    refused(provider, upstream, "upstream_known")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("ada@xn--strae-oqa.de", "ada@strasse.de"),
        ("ada@stra\u00dfe.de", "ada@strasse.de"),
        ("gro\u00df@example.com", "gross@example.com"),
        ("ada.\u017fmith@example.com", "ada.smith@example.com"),
        ("\ufb01ona@example.com", "fiona@example.com"),
        ("\u03c2@example.com", "\u03c3@example.com"),
    ],
)
def test_the_address_of_another_mailbox_links_nobody(
    make: Any, upstream: Upstream, theirs: str, ours: str
) -> None:
    upstream.userinfo = {**ADA, "email": theirs}
    provider = make(linking="verified_email")
    add_user(provider, "ada", email=ours, email_verified=True)
    refused(provider, upstream, "upstream_unknown")


def test_a_domain_is_the_same_in_both_forms(make: Any, upstream: Upstream) -> None:
    upstream.userinfo = {**ADA, "email": "ada@xn--strae-oqa.de"}
    provider = make(linking="verified_email")
    add_user(provider, "ada", email="Ada@Stra\u00dfe.de", email_verified=True)
    browser = provider.browser()
    upstream.sign_in(browser)
    assert "ada" in browser.get("/account")


@pytest.mark.parametrize("theirs", ["true", "false", 1, False, None, []])
def test_only_true_is_verified(make: Any, upstream: Upstream, theirs: Any) -> None:
    upstream.userinfo = {"email": "ada@example.com", "email_verified": theirs}
    provider = make(linking="verified_email")
    add_user(provider, "ada", **ADA)
    refused(provider, upstream, "upstream_unknown")


def test_an_address_that_is_not_verified_here_links_nobody(make: Any, upstream: Upstream) -> None:
    upstream.userinfo = ADA
    provider = make(linking="verified_email")
    add_user(provider, "ada@example.com", email="ada@example.com")
    refused(provider, upstream, "upstream_unknown")


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        (ADA, "ada@example.com"),
        ({**ADA, "email": "ada@xn--bcher-kva.example"}, "ada@xn--bcher-kva.example"),
        ({"email": "ada@example.com"}, None),
        ({"email": "bob"}, None),
        ({"email": None}, None),
        ({"email": "bob@b"}, None),
        # As a user name it would be that of ada@example.com.
        ({**ADA, "email": "\uff41da@example.com"}, None),
        ({**ADA, "email": "gro\u00df@example.com"}, "gro\u00df@example.com"),
    ],
)
def test_the_name_of_a_new_user_is_free_and_no_address_of_another(
    make: Any, upstream: Upstream, claims: dict[str, Any], name: str | None
) -> None:
    upstream.userinfo = claims
    provider = make(allow_registration="true")
    add_user(provider, "bob")
    browser = provider.browser()
    upstream.sign_in(browser)
    shown = browser.get("/account").html.find(class_="who").strong.get_text()
    assert shown == name or (name is None and shown.startswith("other-"))


@pytest.mark.parametrize("name", ["root", "ROOT", "\uff52oot"])
def test_a_new_user_takes_no_name_of_an_administrator(
    make_provider: Any, upstream: Upstream, name: str
) -> None:
    upstream.userinfo = {"preferred_username": name}
    provider = make_provider(
        oidc__pages="home login consent logout clients account",
        oidc__client_pages="administrators",
        oidc__administrators="Root",
        oidc__user_directory="database",
        **upstream.settings(allow_registration="true", username_claim="preferred_username"),
    )
    browser = provider.browser()
    upstream.sign_in(browser)
    shown = browser.get("/account").html.find(class_="who").strong.get_text()
    assert shown.startswith("other-")
    browser.get("/clients", status=403)


def test_a_new_user_takes_no_name_of_another_directory(
    make_provider: Any, upstream: Upstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.json"
    file.write_text('{"1": {"name": "alice", "word": "blue", "claims": {}}}')
    provider = make_provider(
        oidcserver__includes="support.people_plugin",
        oidc__user_directory="people",
        people__file=str(file),
        **upstream.settings(allow_registration="true", username_claim="preferred_username"),
    )
    upstream.userinfo = {"preferred_username": "alice"}
    browser = provider.browser()
    upstream.sign_in(browser)
    shown = browser.get("/account").html.find(class_="who").strong.get_text()
    assert shown.startswith("other-")
    provider.browser().sign_in("alice", "blue", status=303)


def test_another_issuer_in_the_ini_ends_the_links(make_provider: Any, upstream: Upstream) -> None:
    first = make_provider(**upstream.settings(allow_registration="true"))
    upstream.sign_in(first.browser())
    successor = Upstream()
    try:
        second = make_provider(**successor.settings())
        refused(second, successor, "upstream_unknown")
    finally:
        successor.close()


@pytest.mark.parametrize("column", ["disabled_at", "left_at"])
def test_an_account_disabled_or_left_stays_out(make: Any, upstream: Upstream, column: str) -> None:
    provider = make(allow_registration="true")
    upstream.sign_in(provider.browser())
    with provider.database() as dbsession:
        setattr(dbsession.scalars(select(User)).one(), column, 1)
    refused(provider, upstream)


def test_a_request_for_a_new_sign_in_is_passed_on_and_proven(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    client, browser = provider.register(), provider.browser()
    upstream.sign_in(browser)
    page = client.authorize(browser, prompt="login")
    upstream.claims = {"auth_time": 1}
    url = upstream.answer_url(page.forms["upstream-other"].submit())
    assert (upstream.asked["max_age"], upstream.asked["prompt"]) == ("0", "login")
    again = browser.get(url).follow()
    assert "Signing in there failed" in again
    upstream.claims = {"auth_time": 4_000_000_000}
    answer = browser.get(upstream.answer_url(again.forms["upstream-other"].submit()))
    assert "code" in client.answer(client.complete(follow_to_answer(answer)))


def test_a_class_that_the_upstream_has_to_say(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true", acr_values="gold")
    refused(provider, upstream)
    assert upstream.asked["acr_values"] == "gold"
    upstream.claims = {"acr": "gold"}
    assert "notice" not in upstream.sign_in(provider.browser()).location


@pytest.mark.parametrize(
    ("tenant", "tid", "accepted"),
    [("t-1", "t-1", True), ("t-1", "t-2", False), ("t-1", None, False), ("a/b", "a/b", False)],
)
def test_an_issuer_with_many_tenants(
    make: Any, upstream: Upstream, tenant: str, tid: str | None, accepted: bool
) -> None:
    issuer = upstream.issuer + "/{tenantid}/v2.0"
    upstream.metadata = {
        "issuer": issuer, "authorization_response_iss_parameter_supported": None,
    }  # fmt: skip
    upstream.query = {"iss": None}
    upstream.claims = {"iss": f"{upstream.issuer}/{tenant}/v2.0", "tid": tid}
    provider = make(
        issuer=issuer,
        discovery_url=f"{upstream.issuer}/.well-known/openid-configuration",
        allow_registration="true",
    )
    answer = upstream.sign_in(provider.browser())
    assert ("notice" not in answer.location) is accepted


def test_what_is_not_selected_is_not_there(make_provider: Any, upstream: Upstream) -> None:
    provider = make_provider()
    browser: Browser = provider.browser()
    assert "upstream" not in browser.get("/login")
    browser.get("/login/upstream/other/callback?state=x", status=404)
    with_one = make_provider(**upstream.settings()).browser()
    with_one.get("/login/upstream/unknown/callback?state=x", status=404)


def test_the_database_holds_no_state_and_no_verifier(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    upstream.sign_in(provider.browser())
    with provider.database() as dbsession:
        row = dbsession.scalars(select(UpstreamRequest)).one()
        texts = " ".join(map(str, vars(row).values()))
    for secret in (upstream.asked["state"], upstream.asked["nonce"], SECRET):
        assert secret not in texts
    assert upstream.forms[0]["code_verifier"] not in texts


def test_a_user_with_a_second_factor_is_asked_for_it(
    make_provider: Any, upstream: Upstream
) -> None:
    settings = upstream.settings(allow_registration="true")
    provider = make_provider(
        oidc__second_factors="totp", oidc__second_factor="required", **settings
    )
    browser = provider.browser()
    page = follow_to_answer(upstream.sign_in(browser))
    assert "totp" in page.request.path or "authenticator" in page.request.path
    assert "/login" in browser.get("/account").location
    with provider.database() as dbsession:
        assert find_user(dbsession, "alice") is None


PAGES = "home login consent logout account leave"


def comes_back(browser: Browser, upstream: Upstream, path: str = "/login?switch=1") -> Any:
    """Press the button on a page that asks for no new sign-in."""
    answer = upstream.sign_in(browser, path=path)
    assert not {"max_age", "prompt"} & upstream.asked.keys()
    return answer


def needed(client: RelyingParty, browser: Browser) -> str:
    """Return what a request for a sign-in within the last hour needs."""
    error: str = client.answer(client.authorize(browser, max_age="3600", prompt="none"))["error"]
    return error


def auth_time(client: RelyingParty, answer: Any) -> int:
    tokens = client.exchange(client.answer(client.complete(answer))["code"])
    found: int = decode_id_token(client.provider, tokens["id_token"])["auth_time"]
    return found


@pytest.mark.parametrize("said", [1000, 1000.5, None])
def test_an_old_sign_in_there_is_none_that_is_recent(
    make_provider: Any, upstream: Upstream, clock: Any, said: float | None
) -> None:
    provider = make_provider(
        oidc__user_directory="database",
        oidc__pages=PAGES,
        **upstream.settings(allow_registration="true"),
    )
    client, browser = provider.register(), provider.browser()
    upstream.claims = {"auth_time": said}
    for _ in range(2):
        comes_back(browser, upstream)
        assert "again=1" in browser.get("/account/leave").location
        assert needed(client, browser) == "login_required"
    page = client.authorize(browser, max_age="60")
    upstream.claims = {"auth_time": int(time.time()) - 50}
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    assert upstream.asked["max_age"] == "60"
    assert auth_time(client, follow_to_answer(answer)) == upstream.claims["auth_time"]
    assert browser.get("/account/leave").status_int == 200
    assert needed(client, browser) == "consent_required"


def test_a_sign_in_there_is_never_in_the_future(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    client, browser = provider.register(), provider.browser()
    upstream.claims = {"auth_time": 4_000_000_000}
    comes_back(browser, upstream)
    assert auth_time(client, client.authorize(browser)) <= time.time()


def test_an_upstream_that_proves_no_time_is_asked_for_a_new_sign_in(
    make: Any, upstream: Upstream
) -> None:
    provider = make(allow_registration="true", proves_auth_time="false")
    client, browser = provider.register(), provider.browser()
    upstream.claims = {"auth_time": None}
    comes_back(browser, upstream)
    page = client.authorize(browser, max_age="60")
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    assert upstream.asked["prompt"] == "login"
    assert time.time() - auth_time(client, follow_to_answer(answer)) < 60
    assert needed(client, browser) == "consent_required"


@pytest.mark.parametrize("said", [1000, None])
def test_a_second_factor_makes_no_old_sign_in_recent(
    make_provider: Any, upstream: Upstream, said: int | None
) -> None:
    provider = make_provider(
        oidc__user_directory="database",
        oidc__pages=PAGES,
        oidc__second_factors="totp",
        oidc__second_factor="required",
        **upstream.settings(allow_registration="true"),
    )
    browser = provider.browser()
    upstream.claims = {"auth_time": said}
    page = follow_to_answer(comes_back(browser, upstream))
    form = page.forms["totp"]
    form["code"] = App(page).code()
    form.submit()
    assert browser.get("/account").status_int == 200
    assert "/login?" in browser.get("/account/leave").location


def test_one_network_may_leave_so_many_sign_ins_unfinished(
    make_provider: Any, upstream: Upstream
) -> None:
    provider = make_provider(
        oidc__stored_requests_per_address=3, **upstream.settings(allow_registration="true")
    )
    for _ in range(5):
        upstream.sign_in(provider.browser())
    page = provider.browser().get("/login")
    rows = count(provider, UpstreamRequest)
    for _ in range(3):
        page.forms["upstream-other"].submit(status=303)
    refused = page.forms["upstream-other"].submit(status=429)
    assert "not finished" in refused
    assert 0 < int(refused.headers["Retry-After"]) <= 1800
    assert count(provider, UpstreamRequest) == rows + 3
    elsewhere = provider.browser()
    elsewhere.extra_environ["REMOTE_ADDR"] = "192.0.2.1"
    elsewhere.get("/login").forms["upstream-other"].submit(status=303)


def test_of_the_query_only_the_way_on_is_kept(make: Any, upstream: Upstream) -> None:
    provider = make(allow_registration="true")
    browser = provider.browser()
    junk = "&".join(f"a{number}={'x' * 3000}" for number in range(4))
    page = browser.get("/login")
    for query, kept in (
        (f"next=/account/leave&again=1&{junk}", "next=%2Faccount%2Fleave&again=1"),
        (f"next=/{'x' * 4000}&acr={'x' * 4000}&client_id={'x' * 4000}", ""),
    ):
        form = page.forms["upstream-other"]
        form.action = f"/login/upstream/other?{query}"
        form.submit(status=303)
        with provider.database() as dbsession:
            last = select(UpstreamRequest.onward).order_by(func.length(UpstreamRequest.onward))
            stored = dbsession.scalars(last).all()
        assert kept in stored
        assert max(map(len, stored)) < 100


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
@pytest.mark.parametrize("name", ["sub", "sid", "email", "name", "locale", "preferred_username"])
@pytest.mark.parametrize("where", ["claims", "userinfo"])
def test_text_that_no_database_stores_signs_nobody_in(
    make: Any, upstream: Upstream, where: str, name: str, text: str
) -> None:
    setattr(upstream, where, {name: text})
    provider = make(allow_registration="true", username_claim="preferred_username")
    refused(provider, upstream)
    assert count(provider, User) == 0


@pytest.mark.parametrize("email", ["ada", "ada@example.com\r\nBcc: x", "Ada <ada@example.com>"])
def test_what_is_no_address_is_no_claim(make: Any, upstream: Upstream, email: str) -> None:
    upstream.userinfo = {**ADA, "email": email, "name": "Ada"}
    provider = make(allow_registration="true")
    upstream.sign_in(provider.browser())
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User)).one().claims == {"name": "Ada"}


@pytest.mark.parametrize(
    ("id_token", "userinfo", "verified"),
    [
        ({"email": "ada@example.com"}, {**ADA, "email": "mallory@evil.example"}, False),
        ({"email_verified": True}, {"email": "ada@example.com"}, False),
        ({**ADA, "email_verified": False}, ADA, False),
        ({**ADA}, {"email": "mallory@evil.example", "email_verified": False}, True),
        ({"email": "ada@example.com"}, ADA, True),
        ({}, ADA, True),
    ],
)
def test_an_address_is_verified_by_the_document_that_names_it(
    make: Any,
    upstream: Upstream,
    id_token: dict[str, Any],
    userinfo: dict[str, Any],
    verified: bool,
) -> None:
    upstream.claims, upstream.userinfo = id_token, userinfo
    provider = make(linking="verified_email")
    add_user(provider, "ada", **ADA)
    upstream.sign_in(provider.browser())
    assert count(provider, UpstreamLink) == verified
