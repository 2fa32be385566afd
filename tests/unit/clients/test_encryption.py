"""The members of client metadata about encryption (OpenID Connect Registration section 2)."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import validate_client_metadata

URI = "https://client.example/cb"
PROMISES = {
    f"{use}_encryption_{member}_values_supported": values
    for use in ("id_token", "userinfo", "request_object")
    for member, values in (
        ("alg", ["RSA-OAEP-256", "ECDH-ES"]),
        ("enc", ["A256GCM", "A128CBC-HS256"]),
    )
}
PREFIXES = ("id_token_encrypted_response", "userinfo_encrypted_response")
EC = ECKey.generate_key("P-256", {"use": "enc"}).as_dict(private=False)
JWKS = {"keys": [EC]}


@pytest.fixture
def provider(make_selection: Any) -> Any:
    return make_selection(promises=PROMISES)


def check(provider: Any, **metadata: Any) -> dict[str, Any]:
    return validate_client_metadata(provider, {"redirect_uris": [URI], **metadata})


def problem(provider: Any, **metadata: Any) -> InvalidClientMetadata:
    with pytest.raises(InvalidClientMetadata) as raised:
        check(provider, **metadata)
    return raised.value


@pytest.mark.parametrize("prefix", [*PREFIXES, "request_object_encryption"])
def test_enc_has_the_default_of_the_standard_and_is_nothing_without_alg(
    provider: Any, make_selection: Any, prefix: str
) -> None:
    alg = {f"{prefix}_alg": "ECDH-ES", "jwks": JWKS}
    assert check(provider, **alg)[f"{prefix}_enc"] == "A128CBC-HS256"
    assert check(provider, **alg, **{f"{prefix}_enc": "A256GCM"})[f"{prefix}_enc"] == "A256GCM"
    assert problem(provider, **{f"{prefix}_enc": "A256GCM"}).field == f"{prefix}_enc"
    fewer = {name: ["A256GCM"] for name in PROMISES if name.endswith("enc_values_supported")}
    narrow = make_selection(promises={**PROMISES, **fewer})
    assert check(narrow, **alg)[f"{prefix}_enc"] == "A256GCM", "the default is not on offer"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_response_is_not_encrypted_without_a_key_to_encrypt_to(
    provider: Any, prefix: str
) -> None:
    alg = {f"{prefix}_alg": "ECDH-ES"}
    assert problem(provider, **alg).field == "jwks"
    assert check(provider, **alg, jwks_uri="https://client.example/jwks")
    signing = {"keys": [{**EC, "use": "sig"}, {**EC, "alg": "ES256", "kid": "2"}]}
    rsa = {"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}
    for jwks in (signing, rsa):
        assert "no key to encrypt to by ECDH-ES" in problem(provider, **alg, jwks=jwks).description
    assert check(provider, **{f"{prefix}_alg": "RSA-OAEP-256"}, jwks=rsa)


def test_a_client_that_encrypts_its_requests_needs_no_key_of_its_own(provider: Any) -> None:
    assert check(provider, request_object_encryption_alg="RSA-OAEP-256")


def test_userinfo_by_a_secret_needs_a_secret(make_selection: Any) -> None:
    provider = make_selection(promises={"userinfo_signing_alg_values_supported": ["HS256"]})
    assert check(provider, userinfo_signed_response_alg="HS256")
    public = {"token_endpoint_auth_method": "none", "userinfo_signed_response_alg": "HS256"}
    assert problem(provider, **public).field == "userinfo_signed_response_alg"
