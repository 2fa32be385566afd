"""A client of subject type pairwise knows a person by a name that no other sector learns
(OpenID Connect Core section 8.1)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.app import Browser, Provider, RelyingParty, decode_id_token

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import Authorization, LoginSession, User
from oidcserver.models.pairwise_subject import find_pairwise_subject

ONE, TWO = "https://one.example/cb", "https://two.example/cb"


def register(provider: Provider, redirect_uri: str = ONE, **metadata: Any) -> RelyingParty:
    return provider.register(**{"subject_type": "pairwise", "redirect_uris": [redirect_uri]}
                             | metadata)  # fmt: skip


def subject(client: RelyingParty, browser: Browser, username: str = "alice") -> str:
    tokens = client.exchange(client.login(browser, username)["code"])
    sub: str = decode_id_token(client.provider, tokens["id_token"])["sub"]
    return sub


def test_it_is_the_same_at_every_sign_in_and_another_for_another_sector(
    provider: Provider,
) -> None:
    first, second = register(provider), register(provider, TWO)
    public = provider.register()
    known = subject(first, provider.browser())
    assert known == subject(first, provider.browser())
    subjects = {known, subject(second, provider.browser()), subject(public, provider.browser())}
    assert len(subjects) == 3
    assert subject(first, provider.browser(), "bob") not in subjects


def test_clients_of_one_host_share_it(provider: Provider) -> None:
    clients = register(provider), register(provider, "https://one.example/other")
    first, second = (subject(client, provider.browser()) for client in clients)
    assert first == second


def test_applications_on_a_device_do_not_share_it(provider: Provider) -> None:
    clients = (
        register(provider, "com.example.app:/cb", application_type="native") for _ in range(2)
    )
    first, second = (subject(client, provider.browser()) for client in clients)
    assert first != second


@pytest.mark.parametrize(
    "redirect_uri", ["com.evil.app://one.example/cb", "http://127.0.0.1/cb", "http://localhost/cb"]
)
def test_an_application_cannot_borrow_the_sector_of_a_host(
    provider: Provider, redirect_uri: str
) -> None:
    """Anybody may register such a redirect URI, so it proves nothing about the host in it."""
    first, second = (register(provider, redirect_uri, application_type="native") for _ in range(2))
    subjects = {subject(client, provider.browser())
                for client in (register(provider), first, second)}  # fmt: skip
    assert len(subjects) == 3
    with pytest.raises(InvalidClientMetadata, match="sector_identifier_uri"):
        provider.register(
            redirect_uris=[ONE, redirect_uri], subject_type="pairwise", application_type="native"
        )


def test_clients_cannot_compare_the_sessions_of_their_users(make_provider: Any) -> None:
    """``sid`` is in ID tokens; logout tokens and front-channel logout say the same one."""
    provider = make_provider(oidc__logout_channels="frontchannel")
    clients = [
        register(provider, uri, frontchannel_logout_uri=uri.replace("/cb", "/out"))
        for uri in (ONE, TWO)
    ]
    browser = provider.browser()
    sids = []
    for client in clients:
        tokens = client.exchange(client.login(browser)["code"])
        sids.append(decode_id_token(provider, tokens["id_token"])["sid"])
    again = client.exchange(client.login(browser, prompt="login")["code"])
    assert decode_id_token(provider, again["id_token"])["sid"] == sids[1]
    assert sids[0] != sids[1]
    with provider.database() as dbsession:
        session_id = dbsession.query(LoginSession).one().id
    page = browser.get("/oauth/end_session", {"id_token_hint": again["id_token"]})
    assert all(f"sid={sid}" in page for sid in sids)
    assert session_id not in page
    assert session_id not in sids


@pytest.mark.parametrize("access_token_format", ["sealed", "jwt"])
def test_every_place_names_the_person_alike_and_none_by_the_public_name(
    make_provider: Any, access_token_format: str
) -> None:
    provider = make_provider(
        oauth__access_token_format=access_token_format,
        oauth__grants="authorization_code hybrid implicit refresh_token",
    )
    client = register(
        provider,
        grant_types=["authorization_code", "implicit", "refresh_token"],
        response_types=["code", "code id_token token"],
    )
    browser = provider.browser()
    tokens = client.exchange(client.login(browser)["code"])
    known = decode_id_token(provider, tokens["id_token"])["sub"]
    with provider.database() as dbsession:
        user_id = dbsession.query(User).one().id
    front = client.answer(client.complete(client.authorize(
        browser, response_type="code id_token token", scope="openid profile"
    )))  # fmt: skip
    refreshed = client.refresh(tokens["refresh_token"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    subjects = [
        decode_id_token(provider, front["id_token"])["sub"],
        decode_id_token(provider, refreshed["id_token"])["sub"],
        client.userinfo(tokens["access_token"]).json["sub"],
        client.userinfo(front["access_token"]).json["sub"],
        client.http.get("/api/me", headers=headers).json["sub"],
        client.introspect(tokens["access_token"])["sub"],
        client.introspect(refreshed["refresh_token"])["sub"],
    ]
    assert set(subjects) == {known}
    assert known != user_id
    assert client.introspect(tokens["access_token"])["username"] == "alice"


def test_the_hint_of_an_earlier_id_token_means_the_same_person(provider: Provider) -> None:
    client = register(provider)
    browser = provider.browser()
    hint = client.exchange(client.login(browser)["code"])["id_token"]
    bob = provider.browser()
    bob.sign_in("bob")
    silent = {"prompt": "none", "id_token_hint": hint}
    assert client.answer(client.authorize(browser, **silent))["error"] == "consent_required"
    assert client.answer(client.authorize(bob, **silent))["error"] == "login_required"


@pytest.mark.both_databases
def test_two_sign_ins_at_once_agree_on_it(make_provider: Any) -> None:
    provider = make_provider()
    with provider.database() as dbsession:
        dbsession.add(User("alice", id="alice"))

    def find(_: int) -> str:
        return find_pairwise_subject(provider.registry.oidc.database, "alice", "one.example")

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(find, range(40)))) == 1


def test_a_provider_that_does_not_select_it_neither_promises_nor_registers_it(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__subject_types="public")
    browser = provider.browser()
    document = browser.get("/.well-known/openid-configuration").json
    assert document["subject_types_supported"] == ["public"]
    with pytest.raises(Exception, match="subject_type is not one of public"):
        register(provider)


def test_the_database_tells_what_it_stands_for(provider: Provider) -> None:
    client = register(provider)
    known = subject(client, provider.browser())
    with provider.database() as dbsession:
        row = dbsession.query(Authorization).one()
        assert row.subject == known
        assert row.user_id == dbsession.query(User).one().id
