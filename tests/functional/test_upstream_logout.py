"""Signing out at the upstream that a session came of, and sessions that end there."""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, follow_to_answer
from support.upstream import LOGOUT_EVENT, Upstream

from oidcserver.models import (
    LoginSession,
    PendingSignIn,
    UpstreamLink,
    UpstreamRequest,
    UpstreamSession,
)
from oidcserver.settings import ConfigurationProblem
from oidcserver.views import upstream as upstream_view

pytestmark = pytest.mark.both_databases

BACKCHANNEL = "/login/upstream/other/backchannel-logout"


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    upstream.claims = {"sid": "s1"}
    return upstream


@pytest.fixture
def make(make_provider: Any, upstream: Upstream) -> Any:
    def make(settings: dict[str, object] | None = None, **options: object) -> Provider:
        options = {"allow_registration": "true", **options}
        provider: Provider = make_provider(
            oidc__user_directory="database", **upstream.settings(**options), **(settings or {})
        )
        return provider

    return make


def signed_in(provider: Provider, upstream: Upstream) -> Browser:
    browser = provider.browser()
    upstream.sign_in(browser)
    assert browser.get("/account").status_code == 200
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def leave(browser: Browser) -> Any:
    """Sign out here, up to the page that leads to the upstream."""
    return browser.get("/logout").forms["logout"].submit()


def tell(provider: Provider, token: str | None, status: int = 200, path: str = BACKCHANNEL) -> Any:
    form = {} if token is None else {"logout_token": token}
    return provider.browser().post(path, form, status=status)


# Out of here, out of there


def test_signing_out_leads_to_the_upstream_and_back(make: Any, upstream: Upstream) -> None:
    provider = make(logout="always")
    browser = signed_in(provider, upstream)
    id_token_of_sign_in = upstream.id_tokens[-1]
    policy = browser.get("/logout").headers["Content-Security-Policy"]
    assert "form-action" not in policy, "Chromium applies it to the redirect to the upstream"
    to_upstream = leave(browser).follow()
    assert to_upstream.location.startswith(f"{upstream.issuer}/end?")
    sent = dict(parse_qsl(urlsplit(to_upstream.location).query))
    assert sent.pop("state").startswith("ul_")
    back = f"{provider.issuer}/login/upstream/other/logged-out"
    assert sent == {
        "client_id": "we",
        "post_logout_redirect_uri": back,
        "id_token_hint": id_token_of_sign_in,
    }
    assert not is_signed_in(browser)
    query = urlsplit(to_upstream.location).query
    state = dict(parse_qsl(query))["state"]
    assert "You are signed out" in browser.get(f"{back}?state={state}").follow()


def test_an_application_gets_its_user_back_afterwards(make: Any, upstream: Upstream) -> None:
    provider = make(logout="always")
    uri = "https://client.example/bye"
    client = provider.register(post_logout_redirect_uris=[uri])
    browser = provider.browser()
    page = client.authorize(browser)
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    code = client.answer(client.complete(follow_to_answer(answer)))["code"]
    tokens = client.exchange(code)
    asked = {
        "id_token_hint": tokens["id_token"], "post_logout_redirect_uri": uri, "state": "x y",
    }  # fmt: skip
    first = browser.get("/oauth/end_session", asked)
    to_upstream = first.follow()
    state = dict(parse_qsl(urlsplit(to_upstream.location).query))["state"]
    back = browser.get(f"/login/upstream/other/logged-out?state={state}")
    assert back.location == f"{uri}?state=x%20y"
    # The state is used up, and belongs to this browser.
    again = browser.get(f"/login/upstream/other/logged-out?state={state}")
    assert again.location == f"{provider.issuer}/logout"


def test_the_user_may_stay_there(make: Any, upstream: Upstream) -> None:
    provider = make(logout="offer")
    browser = signed_in(provider, upstream)
    page = leave(browser).follow()
    assert "You signed in with" in page
    assert "The Other" in page
    assert "Sign out there too" in page
    away = page.forms["upstream-logout"].submit()
    assert away.location.startswith(f"{upstream.issuer}/end?")
    onward = page.forms["upstream-logout"].submit("stay")
    assert onward.location == f"{provider.issuer}/logout"
    assert "/login" in browser.get("/account").location


def test_applications_with_frames_come_before_the_upstream(make: Any, upstream: Upstream) -> None:
    provider = make({"oidc__logout_channels": "frontchannel"}, logout="always")
    client = provider.register(frontchannel_logout_uri="https://client.example/out")
    browser = provider.browser()
    page = client.authorize(browser)
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    client.answer(client.complete(follow_to_answer(answer)))
    frames = leave(browser)
    onward = frames.html.find(id="applications")["data-target"]
    assert f"{provider.issuer}/login/upstream/other/logout?state=ul_" in onward
    assert "Continue to" in frames
    assert "The Other" in frames
    assert browser.get(onward).location.startswith(f"{upstream.issuer}/end?")


def test_by_default_the_user_stays_signed_in_there(make: Any, upstream: Upstream) -> None:
    provider = make()
    browser = signed_in(provider, upstream)
    assert leave(browser).location == f"{provider.issuer}/logout"
    browser.get("/login/upstream/other/logout?state=ul_x", status=404)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(UpstreamSession)).all() == []


@pytest.mark.parametrize("change", ["no endpoint", "no host", "unusable"])
def test_without_the_upstream_the_user_is_signed_out_here(
    make: Any, upstream: Upstream, change: str
) -> None:
    provider = make(logout="always")
    browser = signed_in(provider, upstream)
    provider.registry.oidc.upstream_hosts._known.clear()
    if change == "no endpoint":
        upstream.metadata = {"end_session_endpoint": None}
    elif change == "unusable":
        upstream.metadata = {"end_session_endpoint": "javascript:alert(1)"}
    else:
        upstream.status["/.well-known/openid-configuration"] = 503
    onward = leave(browser).follow()
    assert onward.location == f"{provider.issuer}/logout"
    assert "You are signed out" in onward.follow()


def test_an_odd_sid_of_an_id_token_is_not_kept(make: Any, upstream: Upstream) -> None:
    provider = make(backchannel_logout="true")
    for sid in (7, "", "x" * 256, ["s1"]):
        upstream.claims = {"sid": sid}
        signed_in(provider, upstream)
    with provider.database() as dbsession:
        assert {row.sid for row in dbsession.scalars(select(UpstreamSession))} == {""}


def test_a_session_by_password_does_not_lead_there(make_provider: Any, upstream: Upstream) -> None:
    provider = make_provider(**upstream.settings(logout="always"))
    browser = provider.browser()
    browser.sign_in()
    assert leave(browser).location == f"{provider.issuer}/logout"


def test_the_state_belongs_to_one_browser_one_upstream_and_one_purpose(
    make: Any, upstream: Upstream
) -> None:
    provider = make(logout="always")
    browser = signed_in(provider, upstream)
    to_upstream = leave(browser)
    state = to_upstream.location.partition("state=")[2]
    stranger = provider.browser()
    other = stranger.get(f"/login/upstream/other/logout?state={state}")
    assert other.location == f"{provider.issuer}/logout"
    answer = browser.get(f"/login/upstream/other/callback?state={state}&code=x")
    assert "notice=upstream" in answer.location
    url = upstream.answer_url(browser.get("/login").forms["upstream-other"].submit())
    own = dict(parse_qsl(urlsplit(url).query))["state"]
    wrong = browser.get(f"/login/upstream/other/logged-out?state={own}")
    assert wrong.location == f"{provider.issuer}/logout"
    # The wrong endpoint used up neither.
    assert to_upstream.follow().location.startswith(f"{upstream.issuer}/end?")
    assert "notice" not in browser.get(url).location


def test_the_id_token_is_kept_sealed(make: Any, upstream: Upstream) -> None:
    provider = make(logout="always")
    browser = signed_in(provider, upstream)
    leave(browser)
    with provider.database() as dbsession:
        rows = [*dbsession.scalars(select(UpstreamSession)), *dbsession.scalars(
            select(UpstreamRequest))]  # fmt: skip
        texts = " ".join(str(vars(row)) for row in rows)
    assert upstream.id_tokens[-1] not in texts
    assert upstream.id_tokens[-1].rpartition(".")[2] not in texts


def test_a_long_id_token_is_left_out(make: Any, upstream: Upstream) -> None:
    upstream.claims = {"groups": ["x" * 40] * 100}
    provider = make(logout="always")
    to_upstream = leave(signed_in(provider, upstream)).follow()
    assert "id_token_hint" not in to_upstream.location
    assert "client_id=we" in to_upstream.location


def test_logout_needs_its_page(make: Any) -> None:
    without = {
        "oidc__pages": "home login consent account", "oauth__endpoints": "authorization token",
    }  # fmt: skip
    with pytest.raises(ConfigurationProblem, match="logout = always, which needs the page logout"):
        make(without, logout="always")


# Out of there, out of here


def test_a_session_that_ended_there_ends_here(make: Any, upstream: Upstream) -> None:
    provider = make(backchannel_logout="true")
    client = provider.register()
    browser = provider.browser()
    page = client.authorize(browser, scope="openid offline_access")
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    kept = client.exchange(client.answer(client.complete(follow_to_answer(answer)))["code"])
    tied = client.exchange(client.answer(client.complete(client.authorize(browser)))["code"])
    upstream.claims = {"sid": "s2"}
    other = signed_in(provider, upstream)
    answer = tell(provider, upstream.logout_token(sid="s1"))
    assert (answer.body, answer.headers["Cache-Control"]) == (b"", "no-store")
    assert not is_signed_in(browser)
    assert is_signed_in(other)
    # Section 2.7: what the user allowed to go on goes on.
    assert client.refresh(kept["refresh_token"])["access_token"]
    assert client.refresh(tied["refresh_token"], status=400)["error"] == "invalid_grant"


def test_without_sid_all_sessions_of_the_user_end(make: Any, upstream: Upstream) -> None:
    provider = make(backchannel_logout="true")
    first = signed_in(provider, upstream)
    upstream.claims = {"sid": "s2"}
    second = signed_in(provider, upstream)
    upstream.claims = upstream.userinfo = {"sub": "u2", "email": "bob@example.com"}
    bob = signed_in(provider, upstream)
    tell(provider, upstream.logout_token())
    assert [is_signed_in(it) for it in (first, second, bob)] == [False, False, True]
    tell(provider, upstream.logout_token(sub="nobody"))
    assert is_signed_in(bob)


def test_applications_hear_of_it(make: Any, upstream: Upstream, clock: Any) -> None:
    provider = make(
        {"oidc__logout_channels": "backchannel", "oidc__backchannel_logout_interval": "0"},
        backchannel_logout="true",
    )
    client = provider.register(backchannel_logout_uri="https://client.example/out")
    browser = provider.browser()
    page = client.authorize(browser)
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    client.answer(client.complete(follow_to_answer(answer)))
    sent: list[str] = []
    fetcher = provider.registry.oidc.logout_deliverer.fetcher
    fetcher.post_form = lambda url, *_args, **_options: sent.append(url)
    tell(provider, upstream.logout_token(sub=None, sid="s1"))
    assert sent == ["https://client.example/out"]


NOW = int(time.time())


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {"iss": "https://elsewhere.example"}),
        ({}, {"iss": None}),
        ({}, {"aud": "another"}),
        ({}, {"aud": ["we", "another"]}),
        ({}, {"exp": NOW - 61}),
        ({}, {"exp": None}),
        ({}, {"iat": NOW - 901}),
        ({}, {"iat": NOW + 4000}),
        ({}, {"iat": None}),
        ({}, {"jti": None}),
        ({}, {"jti": 7}),
        ({}, {"events": None}),
        ({}, {"events": {}}),
        ({}, {"events": [LOGOUT_EVENT]}),
        ({}, {"events": {LOGOUT_EVENT: True}}),
        ({}, {"nonce": "n"}),
        ({}, {"sub": None}),
        ({}, {"sub": 1}),
        ({}, {"sid": ""}),
        ({}, {"sid": "x\0"}),
        ({}, {"jti": "\ud800"}),
        ({}, {"sub": "\ud800"}),
        ({"typ": "at+jwt"}, {}),
        ({"kid": "2"}, {}),
        ({"alg": "HS256"}, {}),
    ],
)
def test_a_false_logout_token_ends_nothing(
    upstream_told: tuple[Provider, Upstream, Browser],
    header: dict[str, Any],
    claims: dict[str, Any],
) -> None:
    provider, upstream, browser = upstream_told
    told = tell(provider, upstream.logout_token(header, **claims), 400)
    assert told.json["error"] == "invalid_request"
    assert is_signed_in(browser)


@pytest.fixture(scope="module")
def upstream_told(
    tmp_path_factory: pytest.TempPathFactory, keys_directory: Any
) -> Iterator[tuple[Provider, Upstream, Browser]]:
    """One provider for all false tokens, none of which changes anything."""
    upstream = Upstream()
    upstream.claims = {"sid": "s1"}
    provider = Provider(
        {
            "oidcserver__database_url": f"sqlite:///{tmp_path_factory.mktemp('told')}/x.sqlite",
            "oidcserver__keys_directory": str(keys_directory),
            **upstream.settings(allow_registration="true", backchannel_logout="true"),
        }
    )
    yield provider, upstream, signed_in(provider, upstream)
    provider.close()
    upstream.close()


def test_what_is_no_logout_token_is_rejected(
    upstream_told: tuple[Provider, Upstream, Browser],
) -> None:
    provider, upstream, browser = upstream_told
    for token in (None, "", "x", "a.b.c", upstream.id_tokens[-1]):
        tell(provider, token, 400)
    provider.browser().get(BACKCHANNEL, status=405)
    tell(provider, "x", 404, "/login/upstream/unknown/backchannel-logout")
    assert is_signed_in(browser)


def test_a_logout_token_is_used_once(make: Any, upstream: Upstream) -> None:
    provider = make(backchannel_logout="true")
    browser = signed_in(provider, upstream)
    token = upstream.logout_token(sid="s1", iat=int(time.time()) - 1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: provider.browser().post(
                    BACKCHANNEL, {"logout_token": token}, status="*"
                ).status_int,
                range(4),
            )
        )  # fmt: skip
    assert sorted(answers) == [200, 400, 400, 400]
    assert not is_signed_in(browser)
    upstream.sign_in(browser)
    tell(provider, token, 400)
    assert is_signed_in(browser)


def test_a_sign_in_that_waits_for_the_second_factor_is_over_too(
    make: Any, upstream: Upstream
) -> None:
    factors = {"oidc__second_factors": "totp", "oidc__second_factor": "required"}
    provider = make(factors, backchannel_logout="true")
    upstream.sign_in(provider.browser())
    tell(provider, upstream.logout_token(sub=None, sid="s1"))
    with provider.database() as dbsession:
        assert dbsession.scalars(select(PendingSignIn)).one().used_at is not None


@pytest.mark.parametrize("claims", [{"sub": None, "sid": "s1"}, {"sid": "s1"}, {}])
def test_an_end_while_the_upstream_answers_ends_the_sign_in(
    make: Any, upstream: Upstream, claims: dict[str, Any]
) -> None:
    """Here nothing is known of the session there yet."""
    provider = make(backchannel_logout="true")
    browser, answers = provider.browser(), upstream.document

    def answer(path: str, code: str = "") -> Any:
        if path == "/userinfo":  # the ID token was issued before
            upstream.document = answers
            tell(provider, upstream.logout_token(**claims))
        return answers(path, code)

    upstream.document = answer
    assert "notice=upstream" in upstream.sign_in(browser).location
    assert not is_signed_in(browser)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(UpstreamSession)).all() == []
        assert dbsession.scalars(select(UpstreamLink)).all() == []


@pytest.mark.parametrize("claims", [{"sub": None, "sid": "s2"}, {"sub": "u2"}])
def test_the_end_of_another_session_does_not_end_the_sign_in(
    make: Any, upstream: Upstream, claims: dict[str, Any]
) -> None:
    provider = make(backchannel_logout="true")
    tell(provider, upstream.logout_token(**claims))
    signed_in(provider, upstream)


def test_a_sign_in_after_the_end_succeeds(make: Any, upstream: Upstream) -> None:
    provider = make(backchannel_logout="true")
    earlier = int(time.time()) - 1
    tell(provider, upstream.logout_token(iat=earlier))
    tell(provider, upstream.logout_token(iat=earlier - 100))
    signed_in(provider, upstream)
    upstream.claims = {"sid": "s1", "iat": earlier}
    assert "notice=upstream" in upstream.sign_in(provider.browser()).location


def test_an_end_while_the_session_is_written_ends_it(
    make: Any, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make(backchannel_logout="true")
    browser, written = provider.browser(), upstream_view.account_of_identity
    with ThreadPoolExecutor(1) as pool:
        told: list[Future[Any]] = []

        def write(request: Any, identity: Any) -> Any:
            told.append(pool.submit(tell, provider, upstream.logout_token(sub=None, sid="s1")))
            assert not wait(told, timeout=0.5).done, "it waits for the sign-in"
            return written(request, identity)

        monkeypatch.setattr(upstream_view, "account_of_identity", write)
        upstream.sign_in(browser)
        told[0].result()
    with provider.database() as dbsession:
        assert dbsession.scalars(select(LoginSession)).one().ended_at is not None
    assert not is_signed_in(browser)


def test_of_an_end_and_a_sign_in_at_once_no_session_stays(make: Any, upstream: Upstream) -> None:
    provider = make({"oauth__outbound_places": "20"}, backchannel_logout="true")
    browsers = [provider.browser() for _ in range(8)]
    urls = [
        upstream.answer_url(it.get("/login").forms["upstream-other"].submit()) for it in browsers
    ]
    # All sign-ins and the end are of one second there.
    upstream.claims["iat"] = now = int(time.time())
    with ThreadPoolExecutor(len(urls) + 1) as pool:
        answers = [
            pool.submit(browser.get, url) for browser, url in zip(browsers, urls, strict=True)
        ]
        wait(answers, return_when=FIRST_COMPLETED)
        pool.submit(tell, provider, upstream.logout_token(iat=now)).result()
        assert {answer.result().status_int for answer in answers} == {303}
    assert not any(is_signed_in(browser) for browser in browsers)


def test_the_url_exists_where_an_upstream_selects_it(
    make: Any, make_provider: Any, upstream: Upstream
) -> None:
    tell(make(), upstream.logout_token(), 404)
    tell(make_provider(), upstream.logout_token(), 404)
    with pytest.raises(ConfigurationProblem, match="which an upstream selects"):
        make_provider(oauth__endpoints="authorization token upstream_logout")


def test_a_client_of_ours_is_no_upstream(make: Any, upstream: Upstream) -> None:
    """Our own logout tokens and ID tokens mean nothing here: they are of another issuer."""
    provider = make(backchannel_logout="true")
    client: RelyingParty = provider.register()
    browser = provider.browser()
    page = client.authorize(browser)
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    code = client.answer(client.complete(follow_to_answer(answer)))["code"]
    tell(provider, client.exchange(code)["id_token"], 400)
    assert is_signed_in(browser)
