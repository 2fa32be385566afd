"""A client's secret: when there is one, when the server can read it, and its rotation."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.app import Provider

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import (
    read_client_secrets,
    register_client,
    rotate_client_secret,
    update_client,
)
from oidcserver.models import Client

BASE: dict[str, Any] = {"redirect_uris": ["https://client.example/cb"]}


def register(provider: Provider, **metadata: Any) -> tuple[Client, str | None]:
    with provider.database() as dbsession:
        client, secret = register_client(
            provider.registry.oidc.provider, dbsession, {**BASE, **metadata}
        )
        dbsession.flush()
        dbsession.expunge(client)
    return client, secret


@pytest.mark.parametrize(
    ("metadata", "secret", "readable"),
    [
        ({}, True, False),
        ({"token_endpoint_auth_method": "client_secret_post"}, True, False),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, True, True),
        ({"id_token_signed_response_alg": "HS256"}, True, True),
        ({"token_endpoint_auth_method": "none"}, False, False),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://c.example/jwks"},
         False, False),
    ],
)  # fmt: skip
def test_a_secret_exists_and_is_readable_only_where_it_has_to_be(
    provider: Provider, metadata: dict[str, Any], secret: bool, readable: bool
) -> None:
    client, issued = register(provider, **metadata)
    assert (issued is not None) is secret
    assert (client.secret_sealed is not None) is readable
    expected = [issued] if readable else []
    assert read_client_secrets(provider.registry.oidc.provider, client) == expected


def test_after_a_rotation_both_secrets_hold_until_the_overlap_ends(
    provider: Provider, clock: Any
) -> None:
    client, old = register(provider, token_endpoint_auth_method="client_secret_jwt")
    own = provider.registry.oidc.provider
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        new = rotate_client_secret(own, dbsession, merged)
        assert read_client_secrets(own, merged) == [new, old]
        assert merged.check_client_secret(old or "")
        clock.advance(86400)
        assert read_client_secrets(own, merged) == [new]
        assert not merged.check_client_secret(old or "")


def test_a_client_that_turns_public_loses_its_secrets(provider: Provider) -> None:
    client, old = register(provider)
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        values = {**BASE, "token_endpoint_auth_method": "none"}
        assert update_client(provider.registry.oidc.provider, dbsession, merged, values) is None
        assert not merged.check_client_secret(old or "")


def test_a_client_that_needs_a_readable_secret_gets_a_new_one(provider: Provider) -> None:
    client, old = register(provider)
    own = provider.registry.oidc.provider
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        values = {**BASE, "id_token_signed_response_alg": "HS256"}
        secret = update_client(own, dbsession, merged, values)
        assert secret not in (None, old)
        assert read_client_secrets(own, merged) == [secret]
        assert merged.check_client_secret(old or ""), "for a while, as after a rotation"
        assert update_client(own, dbsession, merged, values) is None, "it has one by now"
        assert merged.client_metadata["id_token_signed_response_alg"] == "HS256"


def test_a_secret_that_nobody_has_to_read_any_more_is_not_kept_readable(provider: Provider) -> None:
    client, secret = register(provider, token_endpoint_auth_method="client_secret_jwt")
    own = provider.registry.oidc.provider
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        rotate_client_secret(own, dbsession, merged)
        assert update_client(own, dbsession, merged, BASE) is None
        assert (merged.secret_sealed, merged.previous_secret_sealed) == (None, None)
        assert merged.check_client_secret(secret or ""), "it still has the digest"


def test_a_client_that_becomes_confidential_gets_a_secret(provider: Provider) -> None:
    client, none = register(provider, token_endpoint_auth_method="none")
    assert none is None
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        secret = update_client(provider.registry.oidc.provider, dbsession, merged, BASE)
        assert merged.check_client_secret(secret or "")


def test_what_is_rejected_changes_nothing(provider: Provider) -> None:
    client, secret = register(provider)
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        before = dict(merged.client_metadata)
        with pytest.raises(InvalidClientMetadata):
            update_client(provider.registry.oidc.provider, dbsession, merged, {"redirect_uris": []})
        assert merged.client_metadata == before
        assert merged.check_client_secret(secret or "")
        with pytest.raises(InvalidClientMetadata):
            register_client(provider.registry.oidc.provider, dbsession, {"redirect_uris": []})
        assert dbsession.query(Client).count() == 1


def test_a_secret_that_expires_is_followed_by_one_that_does_not(
    provider: Provider, clock: Any
) -> None:
    client, old = register(provider)
    with provider.database() as dbsession:
        merged = dbsession.merge(client)
        merged.secret_expires_at = merged.client_id_issued_at + 60
        clock.advance(120)
        assert not merged.check_client_secret(old or "")
        dbsession.flush()
        new = rotate_client_secret(provider.registry.oidc.provider, dbsession, merged)
        assert merged.check_client_secret(new)


@pytest.mark.both_databases
def test_those_who_rotate_at_once_all_get_one_that_works(make_provider: Any) -> None:
    provider = make_provider()
    client, _ = register(provider)

    def rotate(_: int) -> str:
        with provider.database() as dbsession:
            own = dbsession.get_one(Client, client.client_id)
            return rotate_client_secret(provider.registry.oidc.provider, dbsession, own)

    with ThreadPoolExecutor(2) as pool:
        secrets = list(pool.map(rotate, range(2)))
    with provider.database() as dbsession:
        own = dbsession.get_one(Client, client.client_id)
        assert all(own.check_client_secret(secret) for secret in secrets)
