"""The members of client metadata, one rule each (RFC 7591 section 2, OpenID Registration 2).

A rule takes the value and the provider, and returns what to store; it raises ``ValueError`` with
half a sentence that says what is wrong.
"""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from oidcserver.keys.jwt import CLIENT_ALGORITHMS, SECRET_ALGORITHMS
from oidcserver.oauth.registration.redirect_uris import web_uri_problem
from oidcserver.security.jwk_set import public_key_set

Rule = Callable[[Any, Any], Any]

MAX_NAME = 100
MAX_TEXT = 255
MAX_ITEMS = 50


def _text(value: Any, provider: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text")
    text = unicodedata.normalize("NFC", value.strip())
    if len(text) > MAX_TEXT or not _is_plain(text):
        raise ValueError(f"is longer than {MAX_TEXT} characters or holds control characters")
    return text


def _name(value: Any, provider: Any) -> str:
    name = _text(value, provider)
    if len(name) > MAX_NAME:
        raise ValueError(f"is longer than {MAX_NAME} characters")
    return name


def _is_plain(text: str) -> bool:
    """No control, format (bidi), private or unassigned characters: names are shown to people."""
    return not any(unicodedata.category(character).startswith("C") for character in text)


def _list(value: Any, provider: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is not a list of texts")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"has more than {MAX_ITEMS} items")
    return list(dict.fromkeys(_text(item, provider) for item in value))


def _uris(value: Any, provider: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is not a list of texts")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"has more than {MAX_ITEMS} items")
    return list(dict.fromkeys(value))


def _some_of(what: str, available: Callable[[Any], Any]) -> Rule:
    def rule(value: Any, provider: Any) -> list[str]:
        items = _list(value, provider)
        offered = list(available(provider))
        unknown = [item for item in items if item not in offered]
        if unknown:
            raise ValueError(f"names a {what} that is not available: {', '.join(sorted(offered))}")
        return items

    return rule


def _one_of(available: Callable[[Any], Any]) -> Rule:
    def rule(value: Any, provider: Any) -> str:
        offered = list(available(provider))
        if not isinstance(value, str) or value not in offered:
            raise ValueError(f"is not one of {', '.join(offered)}")
        return value

    return rule


def _response_types(value: Any, provider: Any) -> list[str]:
    items = [" ".join(sorted(item.split())) for item in _list(value, provider)]
    if not provider.response_types.issuperset(items):
        offered = ", ".join(sorted(provider.response_types))
        raise ValueError(f"names a response type that is not available: {offered}")
    return items


def _scope(value: Any, provider: Any) -> str:
    words = dict.fromkeys(_long_text(value).split())
    unknown = [word for word in words if word not in provider.scopes]
    if unknown:
        raise ValueError(f"names a scope that is not available: {', '.join(provider.scopes)}")
    return " ".join(words)


def _long_text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4096:
        raise ValueError("is not text, or too long")
    return value


def _web_uri(value: Any, provider: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text")
    development = provider.settings["oidcserver.mode"] == "development"
    problem = web_uri_problem(value, development=development)
    if problem:
        raise ValueError(problem)
    return value


def _web_uris(value: Any, provider: Any) -> list[str]:
    return [_web_uri(item, provider) for item in _uris(value, provider)]


def _boolean(value: Any, provider: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def _seconds(value: Any, provider: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError("is not a number of seconds")
    return value


def _jwks(value: Any, provider: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("is not a JWK Set")
    public_key_set(dict(value))
    return dict(value)


def _assertion_algorithms(provider: Any) -> tuple[str, ...]:
    return (*CLIENT_ALGORITHMS, *SECRET_ALGORITHMS)


def _id_token_algorithms(provider: Any) -> tuple[str, ...]:
    return (*provider.settings["oidc.signing_algs"], "HS256")


RULES: dict[str, Rule] = {
    "redirect_uris": _uris,
    "token_endpoint_auth_method": _one_of(lambda p: p.client_authentication_methods),
    "token_endpoint_auth_signing_alg": _one_of(_assertion_algorithms),
    "grant_types": _some_of("grant type", lambda p: p.grant_types),
    "response_types": _response_types,
    "client_name": _name,
    "client_uri": _web_uri,
    "logo_uri": _web_uri,
    "scope": _scope,
    "contacts": _list,
    "tos_uri": _web_uri,
    "policy_uri": _web_uri,
    "jwks_uri": _web_uri,
    "jwks": _jwks,
    "software_id": _text,
    "software_version": _text,
    "application_type": _one_of(lambda p: ("web", "native")),
    "subject_type": _one_of(lambda p: ("public",)),
    "id_token_signed_response_alg": _one_of(_id_token_algorithms),
    "default_max_age": _seconds,
    "require_auth_time": _boolean,
    "default_acr_values": _list,
    "initiate_login_uri": _web_uri,
    "post_logout_redirect_uris": _web_uris,
}

#: Members that may be said in several languages, as ``client_name#de`` (RFC 7591 section 2.2).
LOCALISED = frozenset({"client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"})
