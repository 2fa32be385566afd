"""Rules for the values of client metadata (RFC 7591 section 2, OpenID Registration section 2).

A rule takes the value and the provider, and returns the value to store. It raises ``ValueError``
with half a sentence about the mistake. A client may register the algorithms of the discovery
document and no others.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterable
from typing import Any

from oidcserver.clients.problems import printable
from oidcserver.clients.uris import (
    fetched_uri_problem,
    request_uri_problem,
    web_uri_problem,
)
from oidcserver.http import allowed_addresses
from oidcserver.keys.jwk_set import public_key_set
from oidcserver.models.group import MAX_GROUP_NAME, checked_group_name
from oidcserver.texts import is_plain
from oidcserver.types import Provider

Rule = Callable[[Any, Provider], Any]

#: ID tokens have the claims that the claims parameter requests, or those of the scopes too.
ID_TOKEN_CLAIMS = ("requested", "scopes")
MAX_NAME = 100
MAX_TEXT = 255
MAX_ITEMS = 50
MAX_SCOPE = 4096
MAX_KEY_MEMBER = 2048
MAX_STATEMENT = 16384
#: The members of a public key that are stored (RFC 7517 section 4, RFC 7518 section 6).
_KEY_MEMBERS = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y")


def is_development(provider: Provider) -> bool:
    """Whether http on loopback may be registered."""
    return bool(provider.settings["oidcserver.mode"] == "development")


def promised(provider: Provider, field: str) -> list[str]:
    """Return the values that the discovery document has under a name."""
    value = provider.metadata.get(field)
    return list(value(provider)) if value is not None else []


def text_of(limit: int) -> Rule:
    """Return the rule of a printable text of at most ``limit`` characters, stored in NFC."""

    def rule(value: Any, provider: Provider) -> str:
        if not isinstance(value, str):
            raise ValueError("is not text")
        if len(value) > limit:
            raise ValueError(f"is longer than {limit} characters")
        normal = unicodedata.normalize("NFC", value.strip())
        if not is_plain(normal):
            raise ValueError("holds control or invisible characters")
        return normal

    return rule


text = text_of(MAX_TEXT)


def texts(value: Any, provider: Provider) -> list[str]:
    """Return a list of texts, each once."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is not a list of texts")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"has more than {MAX_ITEMS} items")
    return list(dict.fromkeys(value))


def plain_texts(value: Any, provider: Provider) -> list[str]:
    """Return a list of printable texts of at most ``MAX_TEXT`` characters, each once."""
    return list(dict.fromkeys(text(item, provider) for item in texts(value, provider)))


def group_names(value: Any, provider: Provider) -> list[str]:
    """Check the names of groups: an empty list would shut everybody out, or nobody."""
    names = [checked_group_name(it) for it in texts(value, provider)]
    stored = [name for name in names if name is not None]
    if len(stored) < len(names):
        raise ValueError(f"has a name that is not of 1 to {MAX_GROUP_NAME} printable characters")
    if not stored:
        raise ValueError("is empty: null lets every user in")
    return list(dict.fromkeys(stored))


def one_of(available: Callable[[Provider], Iterable[str]]) -> Rule:
    """Return the rule of one of the texts that ``available`` returns for the provider."""

    def rule(value: Any, provider: Provider) -> str:
        offered = list(available(provider))
        if not offered:
            raise ValueError("is not available here")
        if not isinstance(value, str) or value not in offered:
            raise ValueError(f"is not one of {', '.join(offered)}")
        return value

    return rule


def client_profiles(provider: Provider) -> list[str]:
    """Return the names of the profiles that a single client may have."""
    offers = provider.catalog.offers("profile").values()
    return [offer.name for offer in offers if offer.value.client is not None]


def one_promised(field: str) -> Rule:
    """Return the rule of one of the values of a member of the discovery document."""
    return one_of(lambda provider: promised(provider, field))


def _require_known(items: Iterable[str], offered: Collection[str], what: str) -> None:
    """Name the first item that is not offered."""
    unknown = next((item for item in items if item not in offered), None)
    if unknown is not None:
        available = ", ".join(offered) or "none"
        raise ValueError(f"names an unknown {what}: {printable(unknown)}. Available: {available}")


def grant_types(value: Any, provider: Provider) -> list[str]:
    """Return grant types that the provider offers (RFC 7591 section 2)."""
    items = texts(value, provider)
    _require_known(items, sorted(provider.grant_types), "grant type")
    return items


def response_types(value: Any, provider: Provider) -> list[str]:
    """Return offered response types, with the words of each in alphabetical order."""
    items = dict.fromkeys(" ".join(sorted(item.split())) for item in texts(value, provider))
    _require_known(items, sorted(provider.response_types), "response type")
    return list(items)


def scope(value: Any, provider: Provider) -> str:
    """Return offered scopes with spaces between them, each once."""
    if not isinstance(value, str) or len(value) > MAX_SCOPE:
        raise ValueError("is not text, or too long")
    words = dict.fromkeys(value.split())
    _require_known(words, provider.scopes, "scope")
    return " ".join(words)


def authorization_details_types(value: Any, provider: Provider) -> list[str]:
    """Return offered types of authorization details (RFC 9396 section 10)."""
    items = texts(value, provider)
    _require_known(items, promised(provider, "authorization_details_types_supported"), "type")
    return items


def _uri(problem_of: Callable[[str, Provider], str | None]) -> Rule:
    def rule(value: Any, provider: Provider) -> str:
        if not isinstance(value, str):
            raise ValueError("is not text")
        problem = problem_of(value, provider)
        if problem is not None:
            raise ValueError(problem)
        return value

    return rule


web_uri = _uri(lambda uri, it: web_uri_problem(uri, development=is_development(it)))
fetched_uri = _uri(lambda uri, it: fetched_uri_problem(uri, allowed_addresses(it.settings)))
_request_uri = _uri(lambda uri, it: request_uri_problem(uri, allowed_addresses(it.settings)))


def request_uris(value: Any, provider: Provider) -> list[str]:
    """Return URIs of request objects that the provider may fetch (RFC 9101 section 5.2)."""
    return [_request_uri(item, provider) for item in texts(value, provider)]


def boolean(value: Any, provider: Provider) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def signed_requests(value: Any, provider: Provider) -> bool:
    """Return ``require_signed_request_object`` (RFC 9101 section 10.5)."""
    offered = promised(provider, "request_object_signing_alg_values_supported")
    if boolean(value, provider) and not set(offered) - {"none"}:
        raise ValueError("is not available here: there are no signed request objects")
    return bool(value)


def pushed_requests(value: Any, provider: Provider) -> bool:
    """Return ``require_pushed_authorization_requests`` (RFC 9126 section 6)."""
    endpoint = "pushed_authorization_request_endpoint"
    if boolean(value, provider) and endpoint not in provider.metadata:
        raise ValueError("is not available here: there are no pushed requests")
    return bool(value)


def bound_by(way: str) -> Rule:
    """Return the rule of a member by which tokens are bound to a key of the client."""

    def rule(value: Any, provider: Provider) -> bool:
        if boolean(value, provider) and way not in provider.settings["oauth.sender_constraints"]:
            raise ValueError(f"is not available here: oauth.sender_constraints lacks {way}")
        return bool(value)

    return rule


def of_ciba(rule: Rule) -> Rule:
    """Return a rule that leaves the member out like an unknown one where CIBA is not selected."""
    modes = "backchannel_token_delivery_modes_supported"
    return lambda value, provider: rule(value, provider) if promised(provider, modes) else ""


def seconds(value: Any, provider: Provider) -> int:
    """Return a number of seconds, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError("is not a number of seconds")
    return value


def jwks(value: Any, provider: Provider) -> dict[str, Any]:
    """Return the supported public keys with their standard members."""
    try:
        understood = [dict(key.as_dict(private=False)) for key in public_key_set(value)]
    except ValueError as problem:
        raise ValueError(f"is rejected: {str(problem).rstrip('.')}") from None
    keys = [{name: key[name] for name in _KEY_MEMBERS if name in key} for key in understood]
    members = [it for key in keys for it in key.values() if isinstance(it, str)]
    if not all(len(it) <= MAX_KEY_MEMBER and is_plain(it) for it in members):
        raise ValueError("holds a key with a member that is too long or no plain text")
    names = [key["kid"] for key in keys if "kid" in key]
    if len(set(names)) < len(names):
        raise ValueError("holds two keys of the same kid")
    return {"keys": keys}
