"""Connecting an account with a user of an upstream, from a session; and a second one of ours."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from support.app import Browser, Provider, follow_to_answer
from support.ending import end_everything
from support.mailed import letters
from support.processes import free_port
from support.upstream import Upstream

from oidcserver.accounts.passwords import hash_password
from oidcserver.models import UpstreamLink, User
from oidcserver.views import upstream as upstream_views

pytestmark = pytest.mark.both_databases

PAGE = "/account/connections"


@pytest.fixture
def provider(make_provider: Any, upstream: Upstream) -> Provider:
    provider: Provider = make_provider(**upstream.settings())
    return provider


def links(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(UpstreamLink)) or 0


def connect(browser: Browser, upstream: Upstream) -> Any:
    return browser.get(upstream.answer_url(browser.get(PAGE).forms["connect-other"].submit("link")))


def signed_in(provider: Provider, username: str = "alice") -> Browser:
    browser = provider.browser()
    browser.sign_in(username)
    return browser


def test_a_user_connects_and_signs_in_that_way(provider: Provider, upstream: Upstream) -> None:
    browser = signed_in(provider)
    assert "Connected accounts" in browser.get("/account")
    page = connect(browser, upstream).follow()
    assert "ada@example.com" in page
    other = provider.browser()
    upstream.sign_in(other)
    assert "alice" in other.get("/account")
    page.forms["disconnect-other"].submit("remove")
    assert links(provider) == 0
    assert "notice=upstream_unknown" in upstream.sign_in(provider.browser()).location


def test_the_proof_for_a_link_works_once_and_dies_with_it(
    provider: Provider, upstream: Upstream
) -> None:
    browser = signed_in(provider)
    url = upstream.answer_url(browser.get(PAGE).forms["connect-other"].submit("link"))
    page = browser.get(url).follow()
    assert "notice=upstream_unlinked" in page.forms["disconnect-other"].submit("remove").location
    assert page.forms["disconnect-other"].submit("remove").location.endswith(PAGE)
    assert "notice=upstream" in browser.get(url).location
    assert links(provider) == 0


def test_one_account_may_leave_so_many_visits_unfinished(
    make_provider: Any, upstream: Upstream
) -> None:
    provider = make_provider(oidc__stored_requests_per_account=2, **upstream.settings())
    browser = signed_in(provider)
    for _ in range(3):
        page = connect(browser, upstream).follow()
        page.forms["disconnect-other"].submit("remove")
    page = browser.get(PAGE)
    for _ in range(2):
        page.forms["connect-other"].submit("link", status=303)
    refused = page.forms["connect-other"].submit("link", status=429)
    assert "Too many requests were started with your account." in refused
    page = browser.get("/login?again=1")
    page.forms["upstream-other"].submit(status=429)
    another = signed_in(provider, "bob").get(PAGE)
    another.forms["connect-other"].submit("link", status=303)


def test_a_link_to_an_upstream_that_is_off_opens_nothing(
    make_provider: Any, provider: Provider, upstream: Upstream
) -> None:
    connect(signed_in(provider), upstream)
    without = make_provider()
    browser = signed_in(without)
    browser.get(PAGE, status=404)
    browser.get("/login/upstream/other/callback?state=x&code=y", status=404)
    # The operator selects another one: the link is neither shown nor in the way.
    other = make_provider(**{**upstream.settings("second"), "oidc__user_directory": "demo"})
    page = signed_in(other).get(PAGE)
    assert "connect-second" in page.forms
    assert "disconnect-other" not in page.forms


def test_what_belongs_to_another_account_stays_there(
    provider: Provider, upstream: Upstream
) -> None:
    connect(signed_in(provider), upstream)
    bob = signed_in(provider, "bob")
    assert "notice=upstream_taken" in connect(bob, upstream).location
    other = provider.browser()
    upstream.sign_in(other)
    assert "alice" in other.get("/account")


def test_the_session_that_began_it_has_to_be_there(provider: Provider, upstream: Upstream) -> None:
    browser = signed_in(provider)
    url = upstream.answer_url(browser.get(PAGE).forms["connect-other"].submit("link"))
    form = browser.get("/login?again=1").forms["login"]
    form["username"], form["password"] = "bob", "valid"
    form.submit()
    assert "bob" in browser.get("/account")
    assert "notice=upstream_taken" in browser.get(url).location
    assert links(provider) == 0


def test_an_answer_for_linking_signs_nobody_in(provider: Provider, upstream: Upstream) -> None:
    browser = signed_in(provider)
    url = upstream.answer_url(browser.get(PAGE).forms["connect-other"].submit("link"))
    browser.get("/logout").forms["logout"].submit()
    browser.get(url)
    assert "/login" in browser.get("/account").location
    assert links(provider) == 0


def test_the_sign_in_has_to_be_recent(provider: Provider, upstream: Upstream, clock: Any) -> None:
    browser = signed_in(provider)
    form = browser.get(PAGE).forms["connect-other"]
    clock.advance(301)
    assert "again=1" in form.submit("link").location


def test_linking_begins_with_a_form_of_ours(provider: Provider) -> None:
    browser = signed_in(provider)
    browser.post(PAGE, {"link": "other"}, status=403)
    assert links(provider) == 0


def test_a_failure_is_said_on_the_page(provider: Provider, upstream: Upstream) -> None:
    upstream.query = {"error": "access_denied", "code": None}
    answer = connect(signed_in(provider), upstream)
    assert answer.location.endswith(f"{PAGE}?notice=upstream")
    assert "Nothing was connected" in answer.follow()


def test_where_nobody_may_link_there_is_no_button(make_provider: Any, upstream: Upstream) -> None:
    provider = make_provider(**upstream.settings(linking="none"))
    browser = signed_in(provider)
    page = browser.get(PAGE)
    assert "connect-other" not in page.forms
    token = browser.get("/account").html.find("input", {"name": "csrf_token"})["value"]
    assert browser.post(PAGE, {"link": "other", "csrf_token": token}).location.endswith(PAGE)


@pytest.mark.parametrize("password", [True, False])
def test_the_last_way_in_stays(make_provider: Any, upstream: Upstream, password: bool) -> None:
    provider = make_provider(
        oidc__user_directory="database", **upstream.settings(allow_registration="true")
    )
    browser = provider.browser()
    upstream.sign_in(browser)
    if password:
        with provider.database() as dbsession:
            dbsession.scalars(select(User)).one().password_hash = hash_password("long enough")
    answer = browser.get(PAGE).forms["disconnect-other"].submit("remove")
    assert ("notice=upstream_last" in answer.location) is not password
    assert links(provider) == (0 if password else 1)


def test_of_the_last_two_ways_at_once_one_stays(make_provider: Any, upstream: Upstream) -> None:
    second = Upstream()
    try:
        settings = {**second.settings("second"), **upstream.settings(allow_registration="true")}
        provider = make_provider(
            **{**settings, "oidc__upstreams": "other second", "oidc__user_directory": "database"}
        )
        browser = provider.browser()
        upstream.sign_in(browser)
        form = browser.get(PAGE).forms["connect-second"]
        page = browser.get(second.answer_url(form.submit("link"))).follow()
        forms = [page.forms[f"disconnect-{name}"] for name in ("other", "second")]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda form: form.submit("remove"), forms))
        assert links(provider) == 1
    finally:
        second.close()


def test_a_second_one_of_ours_is_the_upstream(
    make_provider: Any, serve: Any, tmp_path: Path
) -> None:
    port = free_port()
    there = make_provider(
        oidc__issuer=f"http://localhost:{port}",
        oidcserver__database_url=f"sqlite:///{tmp_path / 'there.sqlite'}",
    )
    serve(there.wsgi, port)
    issuer = "http://localhost:7000"
    party = there.register(redirect_uris=[f"{issuer}/login/upstream/ours/callback"])
    options = {
        "issuer": there.issuer,
        "client_id": party.client_id,
        "client_secret": party.secret,
        "allow_registration": "true",
        "username_claim": "preferred_username",
    }
    provider = make_provider(
        oidc__issuer=issuer,
        oidc__upstreams="ours",
        **{f"oidc__upstream.ours.{name}": value for name, value in options.items()},
    )
    client, browser, browser_there = provider.register(), provider.browser(), there.browser()
    page = client.authorize(browser)
    away = page.forms["upstream-ours"].submit().location
    back = party.complete(follow_to_answer(browser_there.get(away)), "ada")
    answer = browser.get(back.location)
    code = client.answer(client.complete(follow_to_answer(answer)))["code"]
    claims = client.userinfo(client.exchange(code)["access_token"]).json
    assert claims["preferred_username"] == "ada"
    # And once more, with a new sign-in there that it proves by auth_time.
    page = client.authorize(browser, prompt="login")
    away = page.forms["upstream-ours"].submit().location
    login = follow_to_answer(browser_there.get(away))
    assert "login" in login.forms
    back = party.complete(login, "ada")
    answer = follow_to_answer(browser.get(back.location))
    assert (
        client.userinfo(
            client.exchange(client.answer(client.complete(answer))["code"])["access_token"]
        ).json["sub"]
        == claims["sub"]
    )


MAIL = {
    "oidc__user_directory": "database",
    "oidc__pages": "home login consent logout account recover mail",
}
HASH = hash_password("the words of ada")
ADDRESS = "ada@example.com"


@pytest.fixture
def with_mail(make_provider: Any, upstream: Upstream) -> Provider:
    """A provider with mail and the user ada."""
    provider: Provider = make_provider(**MAIL, **upstream.settings(linking="verified_email"))
    with provider.database() as dbsession:
        claims = {"email": ADDRESS, "email_verified": True}
        dbsession.add(User("ada", password_hash=HASH, claims=claims))
    return provider


def by_password(provider: Provider) -> Browser:
    browser = provider.browser()
    browser.sign_in("ada", "the words of ada")
    return browser


def test_the_user_gets_a_mail_about_each_change(with_mail: Provider, upstream: Upstream) -> None:
    upstream.userinfo = {"email": "mallory@evil.example", "email_verified": True}
    page = connect(by_password(with_mail), upstream).follow()
    [connected] = letters(with_mail)
    assert (connected.to, connected.subject) == (ADDRESS, "Connected accounts")
    assert "The account ada was connected to The Other. You can sign in with it." in connected.text
    assert "If this was not you, reset your password immediately." in connected.text
    page.forms["disconnect-other"].submit("remove")
    [disconnected] = [it for it in letters(with_mail) if it != connected]
    assert "The account ada was disconnected from The Other." in disconnected.text


def test_the_user_gets_a_mail_where_an_address_connected_the_account(
    with_mail: Provider, upstream: Upstream
) -> None:
    upstream.userinfo = {"email": ADDRESS, "email_verified": True}
    for _ in range(2):
        upstream.sign_in(with_mail.browser())
        assert len(letters(with_mail)) == links(with_mail) == 1


def test_a_new_account_is_no_change_of_one(make_provider: Any, upstream: Upstream) -> None:
    upstream.userinfo = {"email": ADDRESS, "email_verified": True}
    provider = make_provider(**MAIL, **upstream.settings(allow_registration="true"))
    upstream.sign_in(provider.browser())
    assert links(provider) == 1
    assert letters(provider) == []


def test_the_end_of_all_sessions_comes_before_a_link(
    with_mail: Provider, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = by_password(with_mail)
    url = upstream.answer_url(browser.get(PAGE).forms["connect-other"].submit("link"))

    def meanwhile(_: Any) -> bool:
        end_everything(with_mail, "ada")
        return True

    monkeypatch.setattr(upstream_views, "may_link", meanwhile)
    assert "notice=upstream_taken" in browser.get(url).location
    assert links(with_mail) == 0


@pytest.mark.parametrize("connected", [True, False])
def test_a_recovery_leads_to_the_other_ways_in(
    with_mail: Provider, upstream: Upstream, connected: bool
) -> None:
    if connected:
        connect(by_password(with_mail), upstream)
    browser = with_mail.browser()
    form = browser.get("/recover").forms["recover"]
    form["name"] = "ada"
    form.submit()
    mails = {it.subject: it for it in letters(with_mail)}
    form = follow_to_answer(browser.get(mails["Choose a new password"].path)).forms["confirm"]
    form["new_password"] = "other words of ada now"
    page = form.submit().follow()
    [mail] = [it for it in letters(with_mail) if it.subject == "Your password was changed"]
    for text in (page.text, " ".join(mail.text.split())):
        assert ("Passkeys and connected accounts still work." in text) is connected
    form = page.forms["login"]
    form["username"], form["password"] = "ada", "other words of ada now"
    page = follow_to_answer(form.submit())
    assert (page.request.path == "/account") is connected
