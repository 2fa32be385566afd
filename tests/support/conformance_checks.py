"""The checks of a certifying relying party on every document and token that it gets."""

import hashlib
import math
import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from oidcserver import clock

#: The scope that asks for each standard claim (OpenID Connect Core section 5.4).
SCOPES = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username",
        "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
ADDRESS = {"formatted", "street_address", "locality", "region", "postal_code", "country"}
BOOLEANS = {"email_verified", "phone_number_verified"}
URLS = {"profile", "picture", "website"}
#: The claims of an ID token that say how somebody signed in, not who they are.
PROTOCOL_CLAIMS = {
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash",
    "c_hash", "s_hash", "sid", "jti",
}  # fmt: skip

#: The IANA registry "OAuth Authorization Server Metadata".
METADATA = {
    "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint",
    "scopes_supported", "response_types_supported", "response_modes_supported",
    "grant_types_supported", "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported", "service_documentation",
    "ui_locales_supported", "op_policy_uri", "op_tos_uri", "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported", "signed_metadata", "device_authorization_endpoint",
    "tls_client_certificate_bound_access_tokens", "mtls_endpoint_aliases",
    "nfv_token_signing_alg_values_supported", "nfv_token_encryption_alg_values_supported",
    "nfv_token_encryption_enc_values_supported", "userinfo_endpoint", "acr_values_supported",
    "subject_types_supported", "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported", "id_token_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported", "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported", "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported", "display_values_supported",
    "claim_types_supported", "claims_supported", "claims_locales_supported",
    "claims_parameter_supported", "request_parameter_supported",
    "request_uri_parameter_supported", "require_request_uri_registration",
    "require_signed_request_object", "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "introspection_signing_alg_values_supported", "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "authorization_response_iss_parameter_supported", "check_session_iframe",
    "frontchannel_logout_supported", "backchannel_logout_session_supported",
    "backchannel_logout_supported", "frontchannel_logout_session_supported",
    "end_session_endpoint", "backchannel_token_delivery_modes_supported",
    "backchannel_authentication_endpoint",
    "backchannel_authentication_request_signing_alg_values_supported",
    "backchannel_user_code_parameter_supported", "dpop_signing_alg_values_supported",
    "authorization_signing_alg_values_supported", "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported", "authorization_details_types_supported",
    "protected_resources", "client_id_metadata_document_supported",
}  # fmt: skip

_PUBLIC_MEMBERS = {
    "RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"},
}  # fmt: skip
_CURVES = {"P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448", "X25519", "X448"}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
#: RFC 6749 appendix A.7 and A.8.
_ERROR_TEXT = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
#: RFC 6749 appendix A.11, A.12 and A.17: VSCHAR.
_VISIBLE = re.compile(r"[\x20-\x7e]+")
_BIRTHDATE = re.compile(r"\d{4}|\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def check_metadata(document: Mapping[str, Any], issuer: str, client_auth: Collection[str]) -> None:
    """Check the discovery document (OpenID Connect Discovery sections 3 and 4.3).

    :param client_auth: methods of client authentication that have to be there.
    """
    assert document["issuer"] == issuer
    assert not document.keys() - METADATA, "members that no registry knows"
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri", "_iframe")):
            assert value.startswith(f"{issuer}/"), name
            assert value.startswith("https://"), name
        elif name.endswith("_supported") and isinstance(value, list):
            assert value, f"{name} is empty: it is to be left out"
            assert all(isinstance(item, str) and item for item in value), name
            assert len(set(value)) == len(value), name
        elif name.endswith("_supported"):
            assert isinstance(value, bool), name
    assert set(client_auth) <= set(document["token_endpoint_auth_methods_supported"])


def check_jwks(document: Mapping[str, Any]) -> None:
    """Check the keys of the provider (RFC 7517, OpenID Connect Core section 10.1)."""
    keys = document["keys"]
    assert keys
    assert all(isinstance(key["kid"], str) and key["kid"] for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        public = _PUBLIC_MEMBERS[key["kty"]]
        assert key.keys() <= public | {"kty", "kid", "use", "alg", "key_ops"}, "something private"
        assert key["use"] in {"sig", "enc"}
        assert key.get("crv", "P-256") in _CURVES
        assert all(_BASE64URL.fullmatch(key[name]) for name in public - {"crv"})
        if key["kty"] == "RSA":
            assert len(key["n"]) * 6 >= 2048


def check_error(members: Mapping[str, Any]) -> str:
    """Check an error answer and return its code (RFC 6749 sections 4.1.2.1, 4.2.2.1 and 5.2)."""
    for name in ("error", "error_description"):
        assert _ERROR_TEXT.fullmatch(members.get(name, "-")), members
    uri = members.get("error_uri", "https://client.example/")
    assert urlsplit(uri).scheme == "https"
    error: str = members["error"]
    return error


def check_credential(credential: str, bits: int = 96) -> None:
    """Check that nobody guesses a credential: 128 bits long, and so many by Shannon's measure."""
    assert _VISIBLE.fullmatch(credential)
    assert len(credential) * 8 >= 128
    counts = Counter(credential).values()
    measured = -sum(count * math.log2(count / len(credential)) for count in counts)
    assert measured >= bits, credential


def half_hash(value: str, algorithm: str) -> str:
    """Return at_hash or c_hash (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11)."""
    assert algorithm != "none", "no algorithm, no hash"
    name = {"256": "sha256", "384": "sha384", "512": "sha512"}.get(algorithm[-3:], "sha512")
    digest = hashlib.new(name, value.encode("ascii")).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def read_signed(token: str, jwks: Mapping[str, Any], algorithm: str) -> bytes:
    """Verify a JWS by the key that its header names; return what was signed.

    ``none`` as the algorithm: the token is to have no signature (RFC 7518 section 3.6).
    """
    if algorithm == "none":
        unsigned = jws.extract_compact(token.encode())
        assert unsigned.headers()["alg"] == "none"
        assert token.endswith(".")
        return unsigned.payload
    keys = KeySet.import_key_set(jwks)
    verified = jws.deserialize_compact(token, keys, registry=JWSRegistry(algorithms=[algorithm]))
    header = verified.headers()
    assert header["alg"] == algorithm
    assert header["kid"] in {key["kid"] for key in jwks["keys"]}
    return verified.payload


def check_id_token_claims(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str | None,
    algorithm: str,
    access_token: str | None,
    code: str | None,
    front_channel: bool,
    scope: str,
    asked: Collection[str],
) -> None:
    """Check an ID token (OpenID Connect Core sections 2, 3.1.3.7, 3.2.2.11 and 3.3.2.12).

    :param access_token: the one issued with it; ``code``: likewise.
    :param scope: whose claims it is to hold; empty where UserInfo gives them.
    :param asked: claims that were asked for by name.
    """
    assert claims["iss"] == issuer
    audience = claims["aud"]
    assert audience in (client_id, [client_id])
    assert claims.get("azp", client_id) == client_id
    now = clock.now()
    assert all(type(claims[name]) is int for name in ("exp", "iat"))
    assert now - 300 <= claims["iat"] <= now + 5
    assert claims["exp"] > now
    assert claims.get("nonce") == nonce
    check_subject(claims["sub"])
    assert isinstance(claims.get("auth_time", 0), int)
    assert isinstance(claims.get("acr", "-"), str)
    assert claims.get("acr", "-") != ""
    assert all(isinstance(item, str) for item in claims.get("amr", []))
    assert None not in claims.values()
    for name, value in (("at_hash", access_token), ("c_hash", code)):
        if front_channel and value is not None:
            assert name in claims
        if name in claims:
            assert value is not None, f"{name} of nothing"
            assert claims[name] == half_hash(value, algorithm)
    personal = {name: claims[name] for name in claims.keys() - PROTOCOL_CLAIMS}
    check_claims(personal, scope, set(asked) - PROTOCOL_CLAIMS)


def check_subject(subject: str) -> None:
    """Check ``sub``: at most 255 ASCII characters (OpenID Connect Core section 2)."""
    assert 0 < len(subject) <= 255
    assert subject.isascii()


def check_claims(claims: Mapping[str, Any], scope: str, asked: Collection[str]) -> None:
    """Check the standard claims: each scope gives all of its, and nothing comes that was not asked
    for; in their types and none empty (OpenID Connect Core sections 5.1, 5.3.2 and 5.4).
    """
    wanted = {name for word in scope.split() for name in SCOPES.get(word, ())} | set(asked)
    assert claims.keys() == wanted
    for name in wanted:
        value = claims[name]
        assert value not in (None, ""), name
        if name in BOOLEANS:
            assert isinstance(value, bool), name
        elif name == "updated_at":
            assert type(value) is int
        elif name == "address":
            assert value.keys() <= ADDRESS
            assert all(isinstance(part, str) and part for part in value.values())
        else:
            assert isinstance(value, str), name
        if name in URLS:
            assert urlsplit(value).scheme == "https"
    assert _BIRTHDATE.fullmatch(claims.get("birthdate", "2000"))
