"""The rules of client ID metadata documents: what a client says of itself to every server.

OAuth Client ID Metadata Document, section "Client Information Discovery". Such a document cannot
fit each server, so what this server does not know is left out, where nothing depends on it. A
document that contradicts itself, or that no client may have, is rejected as a whole.
"""

import logging
from collections.abc import Mapping
from typing import Any

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import validate_client_metadata
from oidcserver.clients.sector import require_redirects
from oidcserver.clients.uris import implied_application_type, redirect_uri_problem
from oidcserver.clients.values import fetched_uri, is_development
from oidcserver.keys.strict_json import parse_object
from oidcserver.oauth.grant_types import DEVICE_CODE, JWT_BEARER
from oidcserver.plugins.offering import SCOPE_NAME
from oidcserver.types import Provider

log = logging.getLogger(__name__)

METHODS_MEMBER = "token_endpoint_auth_methods_supported"
#: The methods that need no secret and no trust, the weakest first.
METHODS = ("none", "private_key_jwt")
#: The grants that need no more trust than a document gives.
GRANTS = (
    "authorization_code",
    "refresh_token",
    DEVICE_CODE,
    JWT_BEARER,
)
#: The members that are used; all others are left out, with the URIs that they may have.
MEMBERS = frozenset(
    {
        "application_type", "client_name", "client_uri", "dpop_bound_access_tokens", "jwks",
        "jwks_uri", "policy_uri", "post_logout_redirect_uris", "require_signed_request_object",
        "require_pushed_authorization_requests", "subject_type", "token_endpoint_auth_signing_alg",
        "tos_uri",
    }
)  # fmt: skip
#: Only the server and a registered client could know a secret.
SECRETS = ("client_secret", "client_secret_expires_at")


def read_document(provider: Provider, url: str, body: bytes) -> dict[str, Any]:
    """Return the client metadata of a document, with all defaults.

    :param url: the URL that it was fetched from, which is the client_id.
    :raises InvalidClientMetadata: with the first mistake.
    """
    try:
        document = parse_object(body)
    except ValueError as problem:
        raise InvalidClientMetadata("", f"The document cannot be read: {problem}.") from None
    if document.get("client_id") != url:
        raise InvalidClientMetadata("client_id", "The client_id of the document is not its URL.")
    for member in SECRETS:
        if member in document:
            raise InvalidClientMetadata(member, f"The document has the member {member}.")
    _require_name(document)
    metadata = {name: document[name] for name in MEMBERS & document.keys()}
    metadata |= {name: document[name] for name in document if name.startswith("client_name#")}
    metadata |= _logo(provider, document)
    metadata["redirect_uris"] = _redirect_uris(provider, document)
    metadata["grant_types"] = _common(document, "grant_types", ["authorization_code"], GRANTS)
    metadata["grant_types"] = [it for it in metadata["grant_types"] if it in provider.grant_types]
    metadata["response_types"] = _common(document, "response_types", ["code"], ("code",))
    methods = _methods(provider, document)
    metadata["token_endpoint_auth_method"] = methods[0]
    if methods == ["none"]:
        metadata.pop("token_endpoint_auth_signing_alg", None)
    checked = validate_client_metadata(provider, metadata)
    require_redirects(checked)
    checked["scope"] = _scope(document)
    if len(methods) > 1:
        checked[METHODS_MEMBER] = methods
    return checked


def _require_name(document: Mapping[str, Any]) -> None:
    name = document.get("client_name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidClientMetadata("client_name", "The document has no client_name.")


def _logo(provider: Provider, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the address of the logo, if it is one that may be fetched: nothing depends on it."""
    try:
        return {"logo_uri": fetched_uri(document["logo_uri"], provider)}
    except (KeyError, ValueError):
        return {}


def _redirect_uris(provider: Provider, document: Mapping[str, Any]) -> list[str]:
    """Return the redirect URIs that this server accepts: other servers may accept others."""
    given = _texts(document, "redirect_uris", [])
    application_type = document.get("application_type") or implied_application_type(given)
    accepted, problems = [], []
    for number, uri in enumerate(given, start=1):
        problem = redirect_uri_problem(
            uri,
            application_type,
            development=is_development(provider),
            schemes=provider.settings["oauth.private_use_schemes"],
        )
        if problem is None:
            accepted.append(uri)
        else:
            problems.append(f"Redirect URI {number} {problem}.")
    if not accepted:
        reason = problems[0] if problems else "The document has no redirect_uris."
        raise InvalidClientMetadata("redirect_uris", reason)
    if problems:
        log.info("%s: not accepted, and left out: %s", document["client_id"], " ".join(problems))
    return accepted


def _methods(provider: Provider, document: Mapping[str, Any]) -> list[str]:
    """Return the methods by which the client may authenticate.

    A document that names one method is held to it. One that names none is of a public client. One
    that names several lets the server choose (OpenID Connect Relying Party Metadata Choices 1.0
    section 3), but does not hear of the choice.
    """
    named = document.get("token_endpoint_auth_method")
    selected = provider.client_authentication_methods
    if named is not None:
        if named not in METHODS or named not in selected:
            offered = " or ".join(method for method in METHODS if method in selected)
            raise InvalidClientMetadata(
                "token_endpoint_auth_method",
                f"The token_endpoint_auth_method of the document has to be {offered}.",
            )
        return [named]
    choice = _texts(document, METHODS_MEMBER, ["none"])
    has_keys = "jwks" in document or "jwks_uri" in document
    common = [
        method
        for method in METHODS
        if method in choice and method in selected and (has_keys or method == "none")
    ]
    if not common:
        raise InvalidClientMetadata(
            METHODS_MEMBER, "The document has no authentication method that is available here."
        )
    return common


def _scope(document: Mapping[str, Any]) -> str:
    """Return the scopes of the document, also those that this server does not know now.

    They may be meant for another server, or be declared here while the copy is used. Which of them
    count is decided at each use (:func:`~oidcserver.oauth.scopes.registered_scopes`).
    """
    given = document.get("scope")
    words = dict.fromkeys(given.split()) if isinstance(given, str) else ()
    return " ".join(word for word in words if SCOPE_NAME.fullmatch(word))


def _common(
    document: Mapping[str, Any], member: str, default: list[str], known: tuple[str, ...]
) -> list[str]:
    return [item for item in _texts(document, member, default) if item in known]


def _texts(document: Mapping[str, Any], member: str, default: list[str]) -> list[str]:
    value = document.get(member)
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidClientMetadata(member, f"The member {member} is not a list of texts.")
    return list(dict.fromkeys(value))
