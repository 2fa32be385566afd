"""Tokens that only their client can use, as they are bound to a key of it (RFC 9700 section 2.2).

``oauth.sender_constraints`` selects the ways: DPoP (:mod:`oidcserver.extensions.dpop`) and mutual
TLS (:mod:`oidcserver.extensions.mutual_tls`).
"""

from collections.abc import Callable

from oidcserver.clients.stored import Findings, has_flag, warn_at_start
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection, invalid_grant, invalid_request
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.settings import boolean, words
from oidcserver.types import Configurator, Provider, Registry

SETTING = "oauth.sender_constraints"
REQUIRED = "oauth.require_sender_constraint"
#: The member by which a client requires each way, and the name of the key in ``cnf``.
BY_PROOF = "dpop_bound_access_tokens"
BY_CERTIFICATE = "tls_client_certificate_bound_access_tokens"
WAYS = {"dpop": (BY_PROOF, "jkt"), "mtls": (BY_CERTIFICATE, "x5t#S256")}


def selects(way: str) -> Callable[[Provider], bool]:
    """Return a function that tells whether a provider selects a way."""
    return lambda provider: way in provider.settings[SETTING]


def requires_keys(provider: Provider) -> bool:
    """Whether all tokens have to be bound to a key."""
    return bool(provider.settings[REQUIRED])


def require_registered_keys(token_request: OAuthRequest) -> None:
    """Require the keys that the client registered that its tokens are bound to.

    This step is in the flow although no way is selected: such a client gets no token then.
    """
    metadata = token_request.client.client_metadata
    if BY_PROOF not in metadata and BY_CERTIFICATE not in metadata:
        return
    settings, confirmation = token_request.provider.settings, token_request.confirmation or {}
    for way, (member, name) in WAYS.items():
        if name not in confirmation and metadata.get(member):
            if way not in settings[SETTING]:
                raise invalid_request(
                    f"The client registered {member}, and the server binds no tokens by {way}.",
                    "RFC 9700 section 2.2",
                    deselected=f"{SETTING} lacks {way}",
                )
            raise _missing_key(way, f"The client registered {member}.")


def require_constraint(token_request: OAuthRequest) -> None:
    """Require a key of every client."""
    if not token_request.confirmation:
        way = token_request.provider.settings[SETTING][0]
        raise _missing_key(way, "Tokens are bound to a key of the client here.")


def _missing_key(way: str, reason: str) -> Rejection:
    if way == "dpop":
        return Rejection(
            "invalid_dpop_proof",
            f"{reason} The request has no header DPoP.",
            rule="RFC 9449 section 5.2",
        )
    return invalid_request(f"{reason} The request has no client certificate.", "RFC 8705 section 3")


def check_key(token_request: OAuthRequest) -> None:
    """Compare the keys of the request with those that the code or the refresh token is bound to.

    This step is in the flow although no way is selected: tokens that were bound before stay bound
    (RFC 9449 sections 5 and 10, RFC 8705 section 4).
    """
    if token_request.authorization_code is not None:
        redeemed = token_request.authorization
    else:
        redeemed = token_request.refresh_token
    # The grant of a plugin may have rows of its own.
    bound = getattr(redeemed, "confirmation", None)
    confirmation = token_request.confirmation or {}
    if bound and any(confirmation.get(name) != key for name, key in bound.items()):
        raise invalid_grant(
            "The code or token is bound to a key, and the request does not prove that it has it.",
            "RFC 9449 section 5",
            bound_to=sorted(bound),
            proven=sorted(confirmation),
        )


def reject_front_channel(authorization_request: AuthorizationRequest) -> None:
    """Reject access tokens in the response for a client whose tokens have to be bound to a key.

    The user's browser, which would carry them, has no key of the client.
    """
    client = authorization_request.client
    assert client is not None
    if "token" not in authorization_request.response_type.split():
        return
    for member, _ in WAYS.values():
        if client.member(member):
            raise Rejection(
                "unauthorized_client",
                f"The client registered {member}: it gets no access token in this response.",
                rule="RFC 9700 section 2.1.2",
            )


def _check_requirement(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if not provider.settings[REQUIRED]:
        return None
    required = f"{REQUIRED} = true{provider.settings.set_by(REQUIRED)}"
    if not provider.settings[SETTING]:
        return f"{required}, but {SETTING} is empty: select dpop, mtls or both."
    fronted = sorted(name for name in provider.response_types if "token" in name.split())
    if fronted:
        return (
            f"{required} allows no access token in the authorization response, but these "
            f"response types are selected: {', '.join(fronted)}."
        )
    return None


def find_excluded_clients(provider: Provider) -> Findings:
    """Find the stored clients whose tokens have to be bound in a way that is not selected.

    They get no tokens.
    """
    for way, (member, _) in WAYS.items():
        if way not in provider.settings[SETTING]:
            yield (
                has_flag(member, True),
                f"{SETTING} does not select {way}: these clients get no tokens, because they have "
                f"{member} = true",
            )


def includeme(config: Configurator) -> None:
    """Add the settings."""
    config.add_oauth_setting(
        SETTING,
        words,
        (),
        "How tokens can be bound to a key of the client: by proofs that it signs (dpop), or to its "
        "TLS certificate (mtls).",
        allowed=tuple(WAYS),
    )
    config.add_oauth_setting(
        REQUIRED,
        boolean,
        False,
        "Whether all access tokens are bound to a key. Otherwise the client decides.",
    )
    config.add_startup_check("sender constraints", _check_requirement)
    warn_at_start(config, "clients of sender constraints", find_excluded_clients)
