"""The rules of client metadata as a whole, for the command line, the pages and an endpoint."""

import re
from collections.abc import Mapping
from typing import Any

from oidcserver.models.client import DEFAULTS
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.registration.members import LOCALISED, RULES
from oidcserver.oauth.registration.redirect_uris import redirect_uri_problem

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
MAX_LOCALISED = 40


class InvalidClientMetadata(Rejection):
    """Client metadata that is refused (RFC 7591 section 3.2.2); ``field`` is the member."""

    def __init__(self, field: str, sentence: str, error: str = "invalid_client_metadata") -> None:
        allowed = "".join(
            c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in sentence
        )
        super().__init__(error, allowed, rule="RFC 7591 section 3.2.2", received={"member": field})
        self.field = field


def validate_client_metadata(provider: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to store of client metadata: known members, checked, with the defaults.

    Unknown members, and those that are null, are left out (RFC 7591 section 2).

    :raises InvalidClientMetadata: with the member and what is wrong with it.
    """
    if not isinstance(metadata, Mapping):
        raise InvalidClientMetadata("", "The metadata are not an object.")
    checked = {
        name: _check(provider, name, value)
        for name, value in metadata.items()
        if isinstance(name, str) and value is not None and _base(name) in RULES
    }
    if sum("#" in name for name in checked) > MAX_LOCALISED:
        raise InvalidClientMetadata("client_name", "There are too many languages.")
    complete = {**_defaults(provider), **{n: v for n, v in checked.items() if v != ""}}
    for rule in (_check_redirect_uris, _check_grants, _check_keys, _check_secret):
        rule(provider, complete)
    return complete


def needs_secret(metadata: Mapping[str, Any]) -> bool:
    """Whether a client of this metadata has a secret."""
    method = metadata["token_endpoint_auth_method"]
    return method not in {"none", "private_key_jwt"} or needs_readable_secret(metadata)


def needs_readable_secret(metadata: Mapping[str, Any]) -> bool:
    """Whether the server itself has to know the secret, to compute with it."""
    by_secret = metadata["token_endpoint_auth_method"] == "client_secret_jwt"
    return by_secret or str(metadata["id_token_signed_response_alg"]).startswith("HS")


def _base(name: str) -> str:
    base, separator, language = name.partition("#")
    if separator and not (base in LOCALISED and _LANGUAGE.fullmatch(language)):
        return ""
    return base


def _check(provider: Any, name: str, value: Any) -> Any:
    try:
        return RULES[_base(name)](value, provider)
    except ValueError as problem:
        raise InvalidClientMetadata(name, f"{name} {problem}.") from None


def _defaults(provider: Any) -> dict[str, Any]:
    """The standard's defaults, so far as the provider has them."""
    defaults = dict(DEFAULTS)
    methods = provider.client_authentication_methods
    if defaults["token_endpoint_auth_method"] not in methods:
        defaults["token_endpoint_auth_method"] = next(iter(methods), "none")
    return defaults


def _check_redirect_uris(provider: Any, metadata: dict[str, Any]) -> None:
    development = provider.settings["oidcserver.mode"] == "development"
    for uri in metadata["redirect_uris"]:
        problem = redirect_uri_problem(uri, metadata["application_type"], development=development)
        if problem:
            raise InvalidClientMetadata(
                "redirect_uris", f"The redirect URI {uri[:100]} {problem}.", "invalid_redirect_uri"
            )
    redirects = {"authorization_code", "implicit"}.intersection(metadata["grant_types"])
    if redirects and not metadata["redirect_uris"]:
        raise InvalidClientMetadata(
            "redirect_uris",
            f"The grant type {min(redirects)} needs a redirect URI.",
            "invalid_redirect_uri",
        )


def _check_grants(provider: Any, metadata: dict[str, Any]) -> None:
    """Response types and grant types belong together (RFC 7591 section 2.1)."""
    grants = set(metadata["grant_types"])
    redirects = grants & {"authorization_code", "implicit"}
    if not redirects and metadata["response_types"] == DEFAULTS["response_types"]:
        metadata["response_types"] = []
    for response_type in metadata["response_types"]:
        words = set(response_type.split())
        needed = {"authorization_code"} if "code" in words else set()
        if words & {"token", "id_token"} and "code" not in words:
            needed.add("implicit")
        if missing := needed - grants:
            raise InvalidClientMetadata(
                "response_types",
                f"The response type {response_type} needs the grant type {min(missing)}.",
            )
    unavailable = grants - set(provider.grant_types)
    if unavailable:
        raise InvalidClientMetadata(
            "grant_types", f"The grant type {min(unavailable)} is not available here."
        )
    public = metadata["token_endpoint_auth_method"] == "none"
    if public and "client_credentials" in grants:
        raise InvalidClientMetadata(
            "token_endpoint_auth_method",
            "The grant type client_credentials needs a client that authenticates.",
        )


def _check_keys(provider: Any, metadata: dict[str, Any]) -> None:
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks", "jwks and jwks_uri exclude each other.")
    keyless = "jwks" not in metadata and "jwks_uri" not in metadata
    if metadata["token_endpoint_auth_method"] == "private_key_jwt" and keyless:
        raise InvalidClientMetadata("jwks", "private_key_jwt needs jwks or jwks_uri.")


def _check_secret(provider: Any, metadata: dict[str, Any]) -> None:
    public = metadata["token_endpoint_auth_method"] == "none"
    if public and metadata["id_token_signed_response_alg"].startswith("HS"):
        raise InvalidClientMetadata(
            "id_token_signed_response_alg", "HS256 needs a client that has a secret."
        )
