"""Rotation, reuse and the retry window (RFC 6749 section 6, RFC 9700 section 4.14)."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty, decode_id_token

from oidcserver.models import User
from oidcserver.models.consent import withdraw_consent

pytestmark = pytest.mark.both_databases


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def tokens(provider: Provider, client: RelyingParty) -> dict[str, Any]:
    return client.exchange(client.login(provider.browser())["code"])


def test_each_use_gives_a_successor_and_new_tokens(
    client: RelyingParty, tokens: dict[str, Any], provider: Provider, clock: Any
) -> None:
    clock.advance(5)
    fresh = client.refresh(tokens["refresh_token"])
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert fresh["access_token"] != tokens["access_token"]
    before = decode_id_token(provider, tokens["id_token"])
    after = decode_id_token(provider, fresh["id_token"])
    assert after["iat"] > before["iat"]
    assert all(after[name] == before[name] for name in ("sub", "aud", "auth_time", "iss"))
    assert "nonce" not in after


def test_a_lost_answer_may_be_asked_again_and_is_the_same(
    client: RelyingParty, tokens: dict[str, Any], clock: Any
) -> None:
    first = client.refresh(tokens["refresh_token"])
    clock.advance(20)
    again = client.refresh(tokens["refresh_token"])
    assert again["refresh_token"] == first["refresh_token"]
    assert "access_token" in client.refresh(again["refresh_token"])


def test_a_repetition_with_another_scope_gets_no_successor_and_ends_nothing(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    first = client.refresh(tokens["refresh_token"])
    other = client.refresh(tokens["refresh_token"], scope="openid", status=400)
    assert other["error"] == "invalid_grant"
    assert "access_token" in client.refresh(first["refresh_token"])


def test_reuse_after_the_window_ends_the_family(
    client: RelyingParty, tokens: dict[str, Any], clock: Any
) -> None:
    fresh = client.refresh(tokens["refresh_token"])
    clock.advance(31)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    assert client.refresh(fresh["refresh_token"], status=400)["error"] == "invalid_grant"
    client.userinfo(fresh["access_token"], status=401)


def test_reuse_within_the_window_ends_the_family_once_the_successor_was_used(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    second = client.refresh(tokens["refresh_token"])
    third = client.refresh(second["refresh_token"])
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    assert client.refresh(third["refresh_token"], status=400)["error"] == "invalid_grant"


def test_without_a_window_the_first_reuse_ends_the_family(make_provider: Any) -> None:
    provider = make_provider(oauth__refresh_token_retry_window="0")
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    fresh = client.refresh(tokens["refresh_token"])
    client.refresh(tokens["refresh_token"], status=400)
    client.refresh(fresh["refresh_token"], status=400)


def test_reuse_is_found_after_a_restart(make_provider: Any, clock: Any) -> None:
    provider = make_provider()
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    client.refresh(tokens["refresh_token"])
    clock.advance(31)
    restarted = make_provider()
    again = RelyingParty(restarted, client.client, client.secret)
    assert again.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_another_clients_refresh_token_is_refused_and_the_owners_still_works(
    provider: Provider, client: RelyingParty, tokens: dict[str, Any]
) -> None:
    other = provider.register()
    assert other.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    assert "access_token" in client.refresh(tokens["refresh_token"])


def test_a_narrower_scope_holds_for_the_access_token_and_not_for_the_family(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    narrow = client.refresh(tokens["refresh_token"], scope="openid")
    assert narrow["scope"] == "openid"
    assert client.refresh(narrow["refresh_token"])["scope"] == "openid profile"


def test_a_wider_scope_is_refused_and_the_token_still_works(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    refused = client.refresh(tokens["refresh_token"], scope="openid email", status=400)
    assert refused["error"] == "invalid_scope"
    assert "access_token" in client.refresh(tokens["refresh_token"])


def test_an_idle_refresh_token_expires_and_one_in_use_does_not_until_its_family_ends(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    code = client.login(provider.browser(), scope="openid offline_access")["code"]
    tokens = client.exchange(code)
    day = 86400
    for _ in range(6):
        clock.advance(13 * day)
        tokens = client.refresh(tokens["refresh_token"])
    clock.advance(13 * day)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_idleness_ends_a_refresh_token(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    code = client.login(provider.browser(), scope="openid offline_access")["code"]
    tokens = client.exchange(code)
    clock.advance(14 * 86400 + 1)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_a_person_disabled_or_gone_and_a_withdrawn_consent_end_it(
    provider: Provider, client: RelyingParty, tokens: dict[str, Any]
) -> None:
    with provider.database() as dbsession:
        user = dbsession.query(User).one()
        user.disabled_at = 1
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    with provider.database() as dbsession:
        user = dbsession.query(User).one()
        user.disabled_at, user.left_at = None, 1
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    client.userinfo(tokens["access_token"], status=401)
    with provider.database() as dbsession:
        user = dbsession.query(User).one()
        user.left_at = None
        withdraw_consent(dbsession, user.id, client.client_id)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_a_client_that_did_not_register_the_grant_gets_no_refresh_token(provider: Provider) -> None:
    client = provider.register(grant_types=["authorization_code"])
    assert "refresh_token" not in client.exchange(client.login(provider.browser())["code"])


def test_the_window_of_a_public_client_is_shorter(provider: Provider, clock: Any) -> None:
    client = provider.register(token_endpoint_auth_method="none")
    tokens = client.exchange(client.login(provider.browser())["code"])
    first = client.refresh(tokens["refresh_token"])
    clock.advance(4)
    again = client.refresh(tokens["refresh_token"])
    assert again["refresh_token"] == first["refresh_token"]
    clock.advance(1)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    assert client.refresh(first["refresh_token"], status=400)["error"] == "invalid_grant"


def test_each_window_has_a_setting(make_provider: Any, frozen: Any) -> None:
    provider = make_provider(
        oauth__refresh_token_retry_window="10", oauth__public_refresh_token_retry_window="0"
    )
    for method, works in (("client_secret_basic", True), ("none", False)):
        client = provider.register(token_endpoint_auth_method=method)
        tokens = client.exchange(client.login(provider.browser())["code"])
        client.refresh(tokens["refresh_token"])
        frozen.advance(9)
        again = client.refresh(tokens["refresh_token"], status="*")
        assert ("access_token" in again) is works


def test_a_confidential_client_keeps_its_token_where_only_public_clients_rotate(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oauth__refresh_token_rotation="public")
    client = provider.register()
    code = client.login(provider.browser(), scope="openid offline_access")["code"]
    kept = client.exchange(code)["refresh_token"]
    day = 86400
    for days in (1, 5, 13, 13, 13, 13, 13, 13):  # in use, it outlives its idle lifetime
        clock.advance(days * day)
        fresh = client.refresh(kept)
        assert "access_token" in fresh
        assert "refresh_token" not in fresh
    clock.advance(7 * day)  # the longest lifetime of a family
    assert client.refresh(kept, status=400)["error"] == "invalid_grant"


def test_a_kept_token_that_is_idle_expires(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oauth__refresh_token_rotation="public")
    client = provider.register()
    code = client.login(provider.browser(), scope="openid offline_access")["code"]
    kept = client.exchange(code)["refresh_token"]
    clock.advance(14 * 86400 + 1)
    assert client.refresh(kept, status=400)["error"] == "invalid_grant"


def test_a_public_client_rotates_by_every_policy(make_provider: Any) -> None:
    provider = make_provider(oauth__refresh_token_rotation="public")
    client = provider.register(token_endpoint_auth_method="none")
    tokens = client.exchange(client.login(provider.browser())["code"])
    assert client.refresh(tokens["refresh_token"])["refresh_token"] != tokens["refresh_token"]


@pytest.mark.parametrize("lifetime", ["max", "idle"])
def test_a_shorter_lifetime_holds_for_tokens_that_were_issued_before(
    make_provider: Any, clock: Any, lifetime: str
) -> None:
    provider = make_provider()
    client = provider.register()
    code = client.login(provider.browser(), scope="openid offline_access")["code"]
    token = client.exchange(code)["refresh_token"]
    stricter = make_provider(**{f"oauth__refresh_token_{lifetime}_lifetime": "1h"})
    again = RelyingParty(stricter, client.client, client.secret)
    clock.advance(3000)
    said = again.introspect(token)
    assert said["exp"] - said["iat"] == 3600
    clock.advance(600)
    assert again.introspect(token) == {"active": False}
    assert again.refresh(token, status=400)["error"] == "invalid_grant"


def test_a_shorter_idle_lifetime_holds_for_a_kept_token_since_its_last_renewal(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oauth__refresh_token_rotation="public")
    client = provider.register()
    code = client.login(provider.browser(), scope="openid offline_access")["code"]
    kept = client.exchange(code)["refresh_token"]
    clock.advance(10 * 86400)
    assert client.refresh(kept)["access_token"]
    stricter = make_provider(
        oauth__refresh_token_rotation="public", oauth__refresh_token_idle_lifetime="1h"
    )
    again = RelyingParty(stricter, client.client, client.secret)
    for _ in range(3):
        clock.advance(3000)
        assert again.refresh(kept)["access_token"], "in use, it goes on"
    clock.advance(3600)
    assert again.refresh(kept, status=400)["error"] == "invalid_grant"


def test_a_token_that_was_revoked_is_not_given_again_within_the_window(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    successor = client.refresh(tokens["refresh_token"])["refresh_token"]
    client.post("/oauth/revoke", token=successor, status=200)
    for dead in (tokens["refresh_token"], successor):
        assert client.refresh(dead, status=400)["error"] == "invalid_grant"
