"""openid-client with all that a client can sign, and have signed and encrypted to its keys."""

from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from support.fleet import Fleet
from support.person import Person
from support.relying_party_process import run_relying_party
from support.requirements import nodejs

HERE = Path(__file__).parent
REDIRECT_URI = "http://127.0.0.1:9/cb"  # nobody is there: the person reads the URL only
SIGNED_USERINFO = {"userinfo_signed_response_alg": "ES256"}
ENCRYPTED_ID_TOKEN = {
    "id_token_encrypted_response_alg": "RSA-OAEP-256",
    "id_token_encrypted_response_enc": "A256GCM",
}
EVERYTHING = {
    "request_object_signing_alg": "ES256",
    "id_token_signed_response_alg": "PS256",
    "id_token_encrypted_response_alg": "ECDH-ES+A256KW",
    "id_token_encrypted_response_enc": "A256CBC-HS512",
    "userinfo_signed_response_alg": "ES256",
    "userinfo_encrypted_response_alg": "ECDH-ES",
    "userinfo_encrypted_response_enc": "A128CBC-HS256",
}


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    """The relying party's keys by what they are for."""
    return {
        "signing": ECKey.generate_key("P-256", {"kid": "signing", "use": "sig"}),
        "RSA": RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"}),
        "EC": ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"}),
    }


@pytest.mark.nodejs
@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize(
    ("response_type", "formats"),
    [
        ("code", {}),
        ("code", SIGNED_USERINFO),
        ("code", ENCRYPTED_ID_TOKEN),
        ("code", EVERYTHING),
        ("code id_token", EVERYTHING),
        ("id_token", EVERYTHING),
    ],
    ids=["plain", "signed", "encrypted", "everything", "code id_token", "id_token"],
)
def test_openid_client(
    fleet: Fleet, keys: dict[str, Any], response_type: str, formats: dict[str, str]
) -> None:
    implicit = ["implicit"] if "id_token" in response_type else []
    metadata = {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "response_types": [response_type],
        "grant_types": ["authorization_code", *implicit] if "code" in response_type else implicit,
        **formats,
    }
    client = fleet.provider.register(
        redirect_uris=[REDIRECT_URI],
        application_type="native",
        jwks={"keys": [key.as_dict(private=False) for key in keys.values()]},
        **metadata,
    )
    configuration = {
        "issuer": fleet.issuer,
        "client_id": client.client_id,
        "metadata": metadata,
        "keys": {name: key.as_dict(private=True) for name, key in keys.items()},
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile email",
        "response_type": response_type,
    }
    command = [nodejs() or "", str(HERE / "openid_client_jwts.mjs")]
    with Person() as person:
        report, _ = run_relying_party(command, configuration, person)

    claims = report["claims"]
    assert claims["aud"] == client.client_id
    assert claims["preferred_username"] == "alice"
    assert claims["email"].endswith("@demo.invalid")
    front_and_back = 2 if response_type == "code id_token" else 1
    encrypted = "id_token_encrypted_response_alg" in formats
    alg = formats.get("id_token_signed_response_alg", "RS256")
    assert algorithms(report["id_tokens"]) == [alg] * front_and_back * encrypted
    encrypted = "code" in response_type and "userinfo_encrypted_response_alg" in formats
    assert algorithms(report["userinfo_tokens"]) == ["ES256"] * encrypted


def algorithms(tokens: list[str | None]) -> list[str]:
    """What the JWTs that were in encrypted ones are signed by."""
    return [jws.extract_compact(token.encode()).protected["alg"] for token in tokens if token]
