"""The members of client metadata, one rule each (RFC 7591 section 2, OpenID Registration 2).

A rule takes the value and the provider, and returns the value to store. It raises ``ValueError``
with half a sentence about the mistake, which quotes no input. A client may register the algorithms
of the discovery document and no others.
"""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from oidcserver.clients.certificate_subjects import SUBJECTS
from oidcserver.clients.uris import (
    fetched_uri_problem,
    request_uri_problem,
    web_uri_problem,
)
from oidcserver.http import allowed_addresses
from oidcserver.keys.jwk_set import public_key_set
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


def _text_of(limit: int) -> Rule:
    def rule(value: Any, provider: Provider) -> str:
        if not isinstance(value, str):
            raise ValueError("is not text")
        if len(value) > limit:
            raise ValueError(f"is longer than {limit} characters")
        text = unicodedata.normalize("NFC", value.strip())
        if not is_plain(text):
            raise ValueError("holds control or invisible characters")
        return text

    return rule


_text = _text_of(MAX_TEXT)


def _texts(value: Any, provider: Provider) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is not a list of texts")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"has more than {MAX_ITEMS} items")
    return list(dict.fromkeys(value))


def _plain_texts(value: Any, provider: Provider) -> list[str]:
    return list(dict.fromkeys(_text(item, provider) for item in _texts(value, provider)))


def _one_of(available: Callable[[Provider], Iterable[str]]) -> Rule:
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


def _promised(field: str) -> Rule:
    return _one_of(lambda provider: promised(provider, field))


def _grant_types(value: Any, provider: Provider) -> list[str]:
    items = _texts(value, provider)
    if not set(items).issubset(provider.grant_types):
        offered = ", ".join(sorted(provider.grant_types))
        raise ValueError(f"has an unknown grant type. Available: {offered}")
    return items


def _response_types(value: Any, provider: Provider) -> list[str]:
    items = dict.fromkeys(" ".join(sorted(item.split())) for item in _texts(value, provider))
    if not provider.response_types.issuperset(items):
        offered = ", ".join(sorted(provider.response_types))
        raise ValueError(f"has an unknown response type. Available: {offered}")
    return list(items)


def _scope(value: Any, provider: Provider) -> str:
    if not isinstance(value, str) or len(value) > MAX_SCOPE:
        raise ValueError("is not text, or too long")
    words = dict.fromkeys(value.split())
    if not words.keys() <= provider.scopes.keys():
        offered = ", ".join(provider.scopes)
        raise ValueError(f"has an unknown scope. Available: {offered}")
    return " ".join(words)


def _authorization_details_types(value: Any, provider: Provider) -> list[str]:
    items = _texts(value, provider)
    offered = promised(provider, "authorization_details_types_supported")
    if not set(items).issubset(offered):
        raise ValueError(f"has an unknown type. Available: {', '.join(offered) or 'none'}")
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


def _request_uris(value: Any, provider: Provider) -> list[str]:
    return [_request_uri(item, provider) for item in _texts(value, provider)]


def boolean(value: Any, provider: Provider) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def _signed_requests(value: Any, provider: Provider) -> bool:
    offered = promised(provider, "request_object_signing_alg_values_supported")
    if boolean(value, provider) and not set(offered) - {"none"}:
        raise ValueError("is not available here: there are no signed request objects")
    return bool(value)


def _pushed_requests(value: Any, provider: Provider) -> bool:
    endpoint = "pushed_authorization_request_endpoint"
    if boolean(value, provider) and endpoint not in provider.metadata:
        raise ValueError("is not available here: there are no pushed requests")
    return bool(value)


def _bound_by(way: str) -> Rule:
    """Return the rule of a member by which tokens are bound to a key of the client."""

    def rule(value: Any, provider: Provider) -> bool:
        if boolean(value, provider) and way not in provider.settings["oauth.sender_constraints"]:
            raise ValueError(f"is not available here: oauth.sender_constraints lacks {way}")
        return bool(value)

    return rule


def _of_ciba(rule: Rule) -> Rule:
    """Return a rule that leaves the member out like an unknown one where CIBA is not selected."""
    modes = "backchannel_token_delivery_modes_supported"
    return lambda value, provider: rule(value, provider) if promised(provider, modes) else ""


def _seconds(value: Any, provider: Provider) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError("is not a number of seconds")
    return value


def _jwks(value: Any, provider: Provider) -> dict[str, Any]:
    """Return the supported public keys with their standard members."""
    try:
        understood = [dict(key.as_dict(private=False)) for key in public_key_set(value)]
    except ValueError as problem:
        raise ValueError(f"is rejected: {str(problem).rstrip('.')}") from None
    keys = [{name: key[name] for name in _KEY_MEMBERS if name in key} for key in understood]
    texts = [text for key in keys for text in key.values() if isinstance(text, str)]
    if not all(len(text) <= MAX_KEY_MEMBER and is_plain(text) for text in texts):
        raise ValueError("holds a key with a member that is too long or no plain text")
    names = [key["kid"] for key in keys if "kid" in key]
    if len(set(names)) < len(names):
        raise ValueError("holds two keys of the same kid")
    return {"keys": keys}


RULES: dict[str, Rule] = {
    "redirect_uris": _texts,
    "token_endpoint_auth_method": _one_of(lambda p: p.client_authentication_methods),
    "token_endpoint_auth_signing_alg": _promised(
        "token_endpoint_auth_signing_alg_values_supported"
    ),
    "grant_types": _grant_types,
    "response_types": _response_types,
    "client_name": _text_of(MAX_NAME),
    "client_uri": web_uri,
    "logo_uri": web_uri,
    "scope": _scope,
    "contacts": _plain_texts,
    "tos_uri": web_uri,
    "policy_uri": web_uri,
    "jwks_uri": fetched_uri,
    "jwks": _jwks,
    # RFC 7591 section 3.2.1: it is returned as it was sent.
    "software_statement": _text_of(MAX_STATEMENT),
    "software_id": _text,
    "software_version": _text,
    "application_type": _one_of(lambda p: ("web", "native")),
    "subject_type": _promised("subject_types_supported"),
    # Our own member: the claims in ID tokens of the token endpoint.
    "id_token_claims": _one_of(lambda p: ID_TOKEN_CLAIMS),
    "id_token_signed_response_alg": _promised("id_token_signing_alg_values_supported"),
    "id_token_encrypted_response_alg": _promised("id_token_encryption_alg_values_supported"),
    "id_token_encrypted_response_enc": _promised("id_token_encryption_enc_values_supported"),
    "userinfo_signed_response_alg": _promised("userinfo_signing_alg_values_supported"),
    "userinfo_encrypted_response_alg": _promised("userinfo_encryption_alg_values_supported"),
    "userinfo_encrypted_response_enc": _promised("userinfo_encryption_enc_values_supported"),
    # JWT Secured Authorization Response Mode section 3
    "authorization_signed_response_alg": _promised("authorization_signing_alg_values_supported"),
    "authorization_encrypted_response_alg": _promised(
        "authorization_encryption_alg_values_supported"
    ),
    "authorization_encrypted_response_enc": _promised(
        "authorization_encryption_enc_values_supported"
    ),
    # RFC 9701 section 6
    "introspection_signed_response_alg": _promised("introspection_signing_alg_values_supported"),
    "introspection_encrypted_response_alg": _promised(
        "introspection_encryption_alg_values_supported"
    ),
    "introspection_encrypted_response_enc": _promised(
        "introspection_encryption_enc_values_supported"
    ),
    "request_object_signing_alg": _promised("request_object_signing_alg_values_supported"),
    "request_object_encryption_alg": _promised("request_object_encryption_alg_values_supported"),
    "request_object_encryption_enc": _promised("request_object_encryption_enc_values_supported"),
    # Our own member: whether the client has to use PKCE, or is exempt from it.
    "require_pkce": boolean,
    # Our own member: a profile of oauth.profile that this client has for itself.
    "profile": _one_of(client_profiles),
    # RFC 9101 section 10.5
    "require_signed_request_object": _signed_requests,
    # RFC 9126 section 6
    "require_pushed_authorization_requests": _pushed_requests,
    # RFC 9449 section 5.2, RFC 8705 sections 3.4 and 2.1.2
    "dpop_bound_access_tokens": _bound_by("dpop"),
    "tls_client_certificate_bound_access_tokens": _bound_by("mtls"),
    **{member: subject.rule for member, subject in SUBJECTS.items()},
    # RFC 9396 section 10
    "authorization_details_types": _authorization_details_types,
    "default_max_age": _seconds,
    "require_auth_time": boolean,
    "default_acr_values": _plain_texts,
    "initiate_login_uri": web_uri,
    "request_uris": _request_uris,
    "post_logout_redirect_uris": _texts,
    "sector_identifier_uri": fetched_uri,
    # OpenID Connect CIBA section 4
    "backchannel_token_delivery_mode": _of_ciba(
        _promised("backchannel_token_delivery_modes_supported")
    ),
    "backchannel_client_notification_endpoint": _of_ciba(fetched_uri),
    "backchannel_authentication_request_signing_alg": _of_ciba(
        _promised("backchannel_authentication_request_signing_alg_values_supported")
    ),
}

#: Members that may be said in several languages, as ``client_name#de`` (RFC 7591 section 2.2).
LOCALISED = frozenset({"client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"})
