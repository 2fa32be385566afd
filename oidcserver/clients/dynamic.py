"""What a client may register by itself (RFC 7591, OpenID Connect Registration 1.0)."""

from collections.abc import Mapping
from typing import Any

from oidcserver import clock
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import validate_client_metadata
from oidcserver.clients.sector import check_sector_identifier
from oidcserver.clients.software_statement import apply_software_statement
from oidcserver.keys.strict_json import parse_object
from oidcserver.models import Client
from oidcserver.types import Provider, Request

#: Members that the server decides on (RFC 7591 section 3.2.1, RFC 7592 section 3).
SERVER_MEMBERS = frozenset(
    {
        "client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at",
        "registration_access_token", "registration_client_uri",
    }
)  # fmt: skip


def read_metadata(body: bytes) -> dict[str, Any]:
    """Return the members of a registration request.

    :raises InvalidClientMetadata: if the body is not a JSON object.
    """
    try:
        return parse_object(body)
    except ValueError as problem:
        raise InvalidClientMetadata("", f"The body cannot be read: {problem}.") from None


def check_metadata(
    request: Request, metadata: Mapping[str, Any], client: Client | None = None
) -> dict[str, Any]:
    """Return what to register of what a client says of itself.

    Other hosts may be asked: meanwhile no transaction is open, and what was read before has to be
    read anew.

    :param client: the one that changes its registration; None for a new one.
    :raises Rejection: ``invalid_client_metadata`` or another error of RFC 7591 section 3.2.2.
    """
    provider = request.oidc.provider
    said = {name: value for name, value in metadata.items() if name not in SERVER_MEMBERS}
    said = apply_software_statement(request, said)
    if not said.get("scope"):
        said["scope"] = " ".join(_scopes(provider))
    checked = validate_client_metadata(provider, said)
    _check_policy(provider, checked)
    if refused_exemption(provider, checked, client.client_metadata if client else {}):
        raise InvalidClientMetadata(
            "require_pkce", "require_pkce cannot be false: ask an administrator to set it."
        )
    check_sector_identifier(request, checked)
    return checked


def describe_client(client: Client) -> dict[str, Any]:
    """Return the registered members of a client, without its credentials (section 3.2.1)."""
    described = {
        "client_id": client.client_id,
        "client_id_issued_at": client.client_id_issued_at,
        **client.client_metadata,
    }
    if client.secret_digest is not None:
        described["client_secret_expires_at"] = client.secret_expires_at
    return described


def limit_secret(provider: Provider, client: Client) -> None:
    """Let the new secret of a client that registers itself expire, where secrets of such do."""
    lifetime = provider.settings["oauth.registration_secret_lifetime"]
    if lifetime:
        client.secret_expires_at = clock.now() + lifetime


def refused_exemption(
    provider: Provider, metadata: Mapping[str, Any], present: Mapping[str, Any]
) -> bool:
    """Whether metadata exempt a client from ``oauth.pkce_required``, which only an operator may do.

    An exemption that the client has already may be repeated.
    """
    exempt = metadata.get("require_pkce") is False and present.get("require_pkce") is not False
    return exempt and provider.settings["oauth.pkce_required"] != "public"


def _scopes(provider: Provider) -> list[str]:
    allowed = provider.settings["oauth.registration_scopes"]
    return [name for name in provider.scopes if not allowed or name in allowed]


def _check_policy(provider: Provider, metadata: Mapping[str, Any]) -> None:
    for member, values, allowed in (
        ("scope", metadata["scope"].split(), _scopes(provider)),
        (
            "grant_types",
            metadata["grant_types"],
            provider.settings["oauth.registration_grant_types"],
        ),
    ):
        if not set(values) <= set(allowed):
            raise InvalidClientMetadata(
                member, f"{member} names more than a client may register by itself."
            )
