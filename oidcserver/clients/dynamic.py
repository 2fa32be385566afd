"""Clients that register themselves: the steps that registration and its management share.

RFC 7591, OpenID Connect Registration 1.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyramid.response import Response

from oidcserver import clock
from oidcserver.clients import sector, software_statement
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import validate_client_metadata
from oidcserver.http.throttling import take
from oidcserver.keys.strict_json import parse_object
from oidcserver.models import ClientRecord, RegisteredClient
from oidcserver.oauth.errors import too_many
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.scopes import registration_scopes
from oidcserver.types import Provider, Request

#: Members that the server decides on (RFC 7591 section 3.2.1, RFC 7592 section 3).
SERVER_MEMBERS = frozenset(
    {
        "client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at",
        "registration_access_token", "registration_client_uri",
    }
)  # fmt: skip


@dataclass(slots=True)
class RegistrationRequest:
    """A request to register, and what the steps of its flow found out about it."""

    request: Request
    outcome: Outcome = field(default_factory=Outcome)
    #: The bearer token, if the request needs one.
    token: str | None = None
    #: The members that the request has.
    sent: dict[str, Any] = field(default_factory=dict)
    #: The members that will be registered.
    metadata: dict[str, Any] = field(default_factory=dict)
    #: The client: a new one once it is prepared, or the one that changes its registration.
    client: ClientRecord | None = None
    response: Response | None = None

    @property
    def provider(self) -> Provider:
        """The selected offers."""
        return self.request.oidc.provider


def count_registration(request: Request, key: str, problem: str) -> None:
    """Count a registration, or a change of one; this writes at once.

    :raises Rejection: with status 429 and the problem, if there were too many.
    """
    settings = request.oidc.provider.settings
    limit, window = settings["oauth.registration_limit"], settings["oauth.registration_window"]
    wait = take(request.oidc.database.alone.engine, key, limit, window)
    if wait:
        raise too_many(problem, wait)


def read_metadata(registration_request: RegistrationRequest) -> None:
    """Read the members of the body, a JSON object without duplicates."""
    try:
        registration_request.sent = parse_object(registration_request.request.body)
    except ValueError as problem:
        raise InvalidClientMetadata("", f"The body cannot be read: {problem}.") from None


def apply_software_statement(registration_request: RegistrationRequest) -> None:
    """Put the claims of the software statement in the place of the members of the request.

    A client that registered with a statement cannot change its registration without one. The keys
    of the issuer may be asked of another host; no transaction is open then.
    """
    sent, client = registration_request.sent, registration_request.client
    own = {name: value for name, value in sent.items() if name not in SERVER_MEMBERS}
    required: bool = registration_request.provider.settings["oauth.software_statement_required"]
    if client is not None and client.member(software_statement.MEMBER) is not None:
        required = True
    registration_request.metadata = software_statement.apply_software_statement(
        registration_request.request, own, required=required
    )


def check_metadata(registration_request: RegistrationRequest) -> None:
    """Check the members by the rules for every client, and by those for clients on their own."""
    provider, metadata = registration_request.provider, registration_request.metadata
    if not metadata.get("scope"):
        metadata["scope"] = " ".join(registration_scopes(provider))
    registration_request.metadata = checked = validate_client_metadata(provider, metadata)
    _check_policy(provider, checked)
    sector.require_redirects(checked)
    client = registration_request.client
    if rejected_exemption(provider, checked, client.client_metadata if client else {}):
        raise InvalidClientMetadata(
            "require_pkce", "require_pkce cannot be false: ask an administrator to set it."
        )


def check_sector_identifier(registration_request: RegistrationRequest) -> None:
    """Check that the ``sector_identifier_uri`` names every redirect URI; it asks another host."""
    request, client = registration_request.request, registration_request.client
    # For a new client, an initial access token is the sign of trust.
    anybody = registration_request.token is None if client is None else client.self_registered
    sector.check_sector_identifier(request, registration_request.metadata, anybody=anybody)


def describe_client(client: RegisteredClient) -> dict[str, Any]:
    """Return the registered members of a client, without its credentials (section 3.2.1)."""
    described = {
        "client_id": client.client_id,
        "client_id_issued_at": client.client_id_issued_at,
        **client.client_metadata,
    }
    if client.secret_digest is not None:
        described["client_secret_expires_at"] = client.secret_expires_at
    return described


def secret_expires_at(provider: Provider) -> int:
    """Return when a secret that such a client gets now expires; 0: never."""
    lifetime: int = provider.settings["oauth.registration_secret_lifetime"]
    return clock.now() + lifetime if lifetime else 0


def rejected_exemption(
    provider: Provider, metadata: Mapping[str, Any], present: Mapping[str, Any]
) -> bool:
    """Whether metadata exempt a client from ``oauth.pkce_required``, which only an operator may do.

    An exemption that the client has already may be repeated.
    """
    exempt = metadata.get("require_pkce") is False and present.get("require_pkce") is not False
    return exempt and provider.settings["oauth.pkce_required"] != "public"


def _check_policy(provider: Provider, metadata: Mapping[str, Any]) -> None:
    for member, values, allowed in (
        ("scope", metadata["scope"].split(), registration_scopes(provider)),
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
