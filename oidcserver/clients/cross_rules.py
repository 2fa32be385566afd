"""The rules of client metadata that concern several members."""

from typing import Any

from oidcserver.clients.certificate_subjects import SUBJECTS
from oidcserver.clients.needed_secret import SIGNED, is_hmac
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.uris import https_host, redirect_uri_problem
from oidcserver.clients.values import is_development, promised
from oidcserver.http.cors import origin_of
from oidcserver.keys.jwk_set import encryption_key, stored_key_set
from oidcserver.keys.strict_json import compact
from oidcserver.models.registered_client import DEFAULTS
from oidcserver.oauth.grant_types import CIBA, TOKEN_EXCHANGE
from oidcserver.types import Provider

REDIRECT_GRANTS = frozenset({"authorization_code", "implicit"})
#: The grants that give nothing about a user but what began at a redirect URI.
REDIRECTED = REDIRECT_GRANTS | {"refresh_token", "client_credentials"}
#: The grants that a public client cannot use.
CONFIDENTIAL_GRANTS = ("client_credentials", TOKEN_EXCHANGE)
#: The encrypted documents (OpenID Connect Registration 2, JARM section 3, RFC 9701 section 6), and
#: the prefixes of their members.
ENCRYPTED = {
    "id_token": "id_token_encrypted_response",
    "userinfo": "userinfo_encrypted_response",
    "authorization": "authorization_encrypted_response",
    "introspection": "introspection_encrypted_response",
    "request_object": "request_object_encryption",
}
DEFAULT_ENC = "A128CBC-HS256"


def _check_grants(provider: Provider, metadata: dict[str, Any]) -> None:
    """Check that grant types and response types match (RFC 7591 section 2.1).

    Unlike in OpenID Connect Registration section 2, a response type with ``code`` and tokens does
    not need ``implicit`` too: the hybrid flow may be selected without that grant.
    """
    grants = set(metadata["grant_types"])
    if unavailable := grants - set(provider.grant_types):
        raise InvalidClientMetadata(
            "grant_types", f"The grant type {min(unavailable)} is not available here."
        )
    if metadata["response_types"] == DEFAULTS["response_types"] and not grants & REDIRECT_GRANTS:
        metadata["response_types"] = []
    if not provider.response_types.issuperset(metadata["response_types"]):
        raise InvalidClientMetadata("response_types", "The response type is not available here.")
    kinds = [(response_type, set(response_type.split()))
             for response_type in metadata["response_types"]]  # fmt: skip
    for response_type, words in kinds:
        tokens = not words.isdisjoint({"token", "id_token"})
        needed = "authorization_code" if "code" in words else "implicit" if tokens else None
        if needed is not None and needed not in grants:
            raise InvalidClientMetadata(
                "response_types",
                f"The response type {response_type} needs the grant type {needed}.",
            )
    for grant_type, answers in (
        ("authorization_code", {"code"}),
        ("implicit", {"token", "id_token"}),
    ):
        if grant_type in grants and all(words.isdisjoint(answers) for _, words in kinds):
            raise InvalidClientMetadata(
                "response_types",
                f"The grant type {grant_type} needs a response type with {min(answers)}.",
            )


def _check_redirect_uris(provider: Provider, metadata: dict[str, Any]) -> None:
    redirects = bool(metadata["response_types"])
    if redirects and not metadata["redirect_uris"]:
        raise InvalidClientMetadata(
            "redirect_uris",
            f"The response type {metadata['response_types'][0]} needs a redirect URI.",
            "invalid_redirect_uri",
        )
    for member, label, error in (
        ("redirect_uris", "Redirect URI", "invalid_redirect_uri"),
        ("post_logout_redirect_uris", "Post-logout redirect URI", "invalid_client_metadata"),
    ):
        for number, uri in enumerate(metadata.get(member, ()), start=1):
            problem = redirect_uri_problem(
                uri,
                metadata["application_type"],
                development=is_development(provider),
                implicit=member == "redirect_uris" and "implicit" in metadata["grant_types"],
                schemes=provider.settings["oauth.private_use_schemes"],
            )
            if problem is not None:
                raise InvalidClientMetadata(member, f"{label} {number} {problem}.", error)


def _check_frontchannel_logout(provider: Provider, metadata: dict[str, Any]) -> None:
    """Require an origin of the redirect URIs (OpenID Connect Front-Channel Logout section 2)."""
    uri = metadata.get("frontchannel_logout_uri")
    origins = {origin_of(redirect_uri) for redirect_uri in metadata["redirect_uris"]}
    if uri is not None and origin_of(uri) not in origins:
        raise InvalidClientMetadata(
            "frontchannel_logout_uri",
            "frontchannel_logout_uri must have the same scheme, host and port as a redirect URI.",
        )


def _check_authentication(provider: Provider, metadata: dict[str, Any]) -> None:
    name = metadata["token_endpoint_auth_method"]
    for grant_type in CONFIDENTIAL_GRANTS:
        if name == "none" and grant_type in metadata["grant_types"]:
            raise InvalidClientMetadata(
                "token_endpoint_auth_method",
                f"The grant type {grant_type} needs a client that authenticates.",
            )
    for member in SIGNED:
        if name == "none" and is_hmac(metadata.get(member, "")):
            raise InvalidClientMetadata(
                member, f"{metadata[member]} needs a client that has a secret."
            )
    fronted = any("id_token" in kind.split() for kind in metadata["response_types"])
    if metadata["id_token_signed_response_alg"] == "none" and fronted:
        raise InvalidClientMetadata(  # OpenID Connect Core section 2
            "id_token_signed_response_alg", "Only the response type code has unsigned ID tokens."
        )
    algorithm = metadata.get("token_endpoint_auth_signing_alg")
    method = provider.client_authentication_methods.get(name)
    if algorithm is not None and algorithm not in getattr(method, "algorithms", (algorithm,)):
        raise InvalidClientMetadata(
            "token_endpoint_auth_signing_alg", f"{algorithm} is no algorithm of {name}."
        )


def _check_pkce(provider: Provider, metadata: dict[str, Any]) -> None:
    """Reject an exemption from PKCE for a public client (RFC 9700 section 2.1.1)."""
    if metadata.get("require_pkce", True):
        return
    if metadata["token_endpoint_auth_method"] == "none":
        raise InvalidClientMetadata(
            "require_pkce", "A public client has to use PKCE: require_pkce cannot be false."
        )
    if not provider.settings["oauth.pkce_exemptions"]:
        raise InvalidClientMetadata(
            "require_pkce", "require_pkce cannot be false: oauth.pkce_exemptions = false."
        )


def _check_keys(provider: Provider, metadata: dict[str, Any]) -> None:
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks", "jwks and jwks_uri exclude each other.")
    keyless = "jwks" not in metadata and "jwks_uri" not in metadata
    method = metadata["token_endpoint_auth_method"]
    if method in {"private_key_jwt", "self_signed_tls_client_auth"} and keyless:
        raise InvalidClientMetadata("jwks", f"{method} needs jwks or jwks_uri.")


def _check_certificate_subject(provider: Provider, metadata: dict[str, Any]) -> None:
    """Require exactly one subject of a client that has a certificate (RFC 8705 section 2.1.2)."""
    subjects = [member for member in SUBJECTS if member in metadata]
    method = metadata["token_endpoint_auth_method"]
    if len(subjects) > 1:
        raise InvalidClientMetadata(
            subjects[1], f"{subjects[1]} and {subjects[0]} exclude each other."
        )
    if method == "tls_client_auth" and not subjects:
        raise InvalidClientMetadata(
            "tls_client_auth_subject_dn", f"tls_client_auth needs one of {', '.join(SUBJECTS)}."
        )


def _check_bound_tokens(provider: Provider, metadata: dict[str, Any]) -> None:
    """Reject access tokens in the response of a client whose tokens are bound to its key."""
    fronted = [kind for kind in metadata["response_types"] if "token" in kind.split()]
    for member in ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"):
        if fronted and metadata.get(member):
            raise InvalidClientMetadata(
                member,
                f"{member} excludes the response type {fronted[0]}, whose token is not bound.",
            )


def _check_request_objects(provider: Provider, metadata: dict[str, Any]) -> None:
    """Require a key of a client that has to sign its requests (RFC 9101 section 10.5)."""
    if not metadata.get("require_signed_request_object"):
        return
    if metadata.get("request_object_signing_alg") == "none":
        raise InvalidClientMetadata(
            "request_object_signing_alg", "none contradicts require_signed_request_object."
        )
    if "jwks" not in metadata and "jwks_uri" not in metadata:
        raise InvalidClientMetadata("jwks", "require_signed_request_object needs jwks or jwks_uri.")


def _check_encryption(provider: Provider, metadata: dict[str, Any]) -> None:
    """Require ``alg`` beside ``enc``, and a key for responses; set the default of ``enc``."""
    for use, prefix in ENCRYPTED.items():
        alg, enc = metadata.get(f"{prefix}_alg"), f"{prefix}_enc"
        if alg is None:
            if enc in metadata:
                raise InvalidClientMetadata(enc, f"{enc} needs {prefix}_alg.")
            continue
        encs = promised(provider, f"{use}_encryption_enc_values_supported")
        metadata.setdefault(enc, DEFAULT_ENC if DEFAULT_ENC in encs else [*encs, DEFAULT_ENC][0])
        if use == "request_object" or "jwks_uri" in metadata:
            continue
        if "jwks" not in metadata:
            raise InvalidClientMetadata("jwks", f"{prefix}_alg needs jwks or jwks_uri.")
        if encryption_key(stored_key_set(compact(metadata["jwks"])), alg) is None:
            raise InvalidClientMetadata("jwks", f"jwks has no key to encrypt to by {alg}.")


def _check_ciba(provider: Provider, metadata: dict[str, Any]) -> None:
    """Check the members of CIBA (section 4); by default a client polls, if that is selected."""
    if CIBA not in metadata["grant_types"]:
        return
    if metadata["token_endpoint_auth_method"] == "none":
        raise InvalidClientMetadata(
            "token_endpoint_auth_method", "A public client cannot use CIBA: it has to authenticate."
        )
    modes = promised(provider, "backchannel_token_delivery_modes_supported")
    default = "poll" if "poll" in modes else "ping"
    mode = metadata.setdefault("backchannel_token_delivery_mode", default)
    if mode == "ping" and "backchannel_client_notification_endpoint" not in metadata:
        raise InvalidClientMetadata(
            "backchannel_client_notification_endpoint",
            "The delivery mode ping needs backchannel_client_notification_endpoint.",
        )
    signed = "backchannel_authentication_request_signing_alg"
    if signed in metadata and "jwks" not in metadata and "jwks_uri" not in metadata:
        raise InvalidClientMetadata("jwks", f"{signed} needs jwks or jwks_uri.")


def _check_sector(provider: Provider, metadata: dict[str, Any]) -> None:
    """Require ``sector_identifier_uri`` for redirect URIs of several hosts (Core section 8.1).

    It is also required for https URIs beside others: any application can use a custom scheme or a
    loopback address, so it must not join the sector of a host.
    """
    if metadata["subject_type"] != "pairwise" or "sector_identifier_uri" in metadata:
        return
    if len({https_host(uri) for uri in metadata["redirect_uris"]}) > 1:
        raise InvalidClientMetadata(
            "sector_identifier_uri",
            "Pairwise subjects for redirect URIs of several hosts, or of https and another scheme, "
            "require sector_identifier_uri.",
        )


#: The rules, in the order in which they are checked.
CROSS_RULES = (
    _check_grants,
    _check_redirect_uris,
    _check_frontchannel_logout,
    _check_authentication,
    _check_pkce,
    _check_keys,
    _check_certificate_subject,
    _check_bound_tokens,
    _check_request_objects,
    _check_encryption,
    _check_sector,
    _check_ciba,
)
