"""openid-client with all that a client can sign, and have signed and encrypted to its keys."""

from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from support.client_host import JWKSHost
from support.fleet import Fleet
from support.person import Person
from support.relying_party_process import run_relying_party
from support.requirements import nodejs

HERE = Path(__file__).parent
REDIRECT_URI = "http://127.0.0.1:9/cb"  # nobody is there: the person reads the URL only
AUTHENTICATION = {
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
}
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

PUSHED = {"require_pushed_authorization_requests": True}
SIGNED_RESPONSE = {"authorization_signed_response_alg": "ES256"}
ENCRYPTED_RESPONSE = {
    "authorization_signed_response_alg": "PS256",
    "authorization_encrypted_response_alg": "ECDH-ES",
    "authorization_encrypted_response_enc": "A256GCM",
}


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    """The relying party's keys by what they are for."""
    return {
        "signing": ECKey.generate_key("P-256", {"kid": "signing", "use": "sig"}),
        "RSA": RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"}),
        "EC": ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"}),
    }


def run(
    fleet: Fleet, keys: dict[str, Any], metadata: dict[str, Any], client_id: str | None = None
) -> dict[str, Any]:
    """Let openid-client log somebody in; return its report."""
    configuration = {
        "issuer": fleet.issuer,
        "client_id": client_id,
        "metadata": metadata,
        "keys": {name: key.as_dict(private=True) for name, key in keys.items()},
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile email",
        "response_type": metadata["response_types"][0],
    }
    command = [nodejs() or "", str(HERE / "openid_client_jwts.mjs")]
    with Person() as person:
        report, _ = run_relying_party(command, configuration, person)
    assert report["claims"]["aud"] == report["client"]["client_id"]
    assert report["claims"]["preferred_username"] == "alice"
    return report


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
    metadata = {**AUTHENTICATION, **grants(response_type), **formats}
    client = fleet.provider.register(
        redirect_uris=[REDIRECT_URI], application_type="native", jwks=public(keys), **metadata
    )
    report = run(fleet, keys, metadata, client.client_id)

    assert report["claims"]["email"].endswith("@demo.invalid")
    front_and_back = 2 if response_type == "code id_token" else 1
    encrypted = "id_token_encrypted_response_alg" in formats
    alg = formats.get("id_token_signed_response_alg", "RS256")
    assert algorithms(report["id_tokens"]) == [alg] * front_and_back * encrypted
    encrypted = "code" in response_type and "userinfo_encrypted_response_alg" in formats
    assert algorithms(report["userinfo_tokens"]) == ["ES256"] * encrypted


@pytest.mark.nodejs
@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize(
    "formats",
    [
        PUSHED,
        {**PUSHED, **EVERYTHING},
        SIGNED_RESPONSE,
        {**PUSHED, **EVERYTHING, **SIGNED_RESPONSE},
        {**PUSHED, **EVERYTHING, **ENCRYPTED_RESPONSE},
    ],
    ids=["pushed", "pushed and signed", "answered by JWT", "all signed", "all encrypted"],
)
def test_openid_client_that_pushes_and_is_answered_by_jwt(
    fleet: Fleet, keys: dict[str, Any], formats: dict[str, Any]
) -> None:
    metadata = {**AUTHENTICATION, **grants("code"), **formats}
    client = fleet.provider.register(
        redirect_uris=[REDIRECT_URI], application_type="native", jwks=public(keys), **metadata
    )
    assert run(fleet, keys, metadata, client.client_id)["claims"]["preferred_username"] == "alice"


@pytest.mark.nodejs
@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("where", ["jwks", "jwks_uri"])
def test_openid_client_that_registers_itself_until_it_is_deleted(
    fleet: Fleet, keys: dict[str, Any], where: str
) -> None:
    host = JWKSHost()
    host.document = public(keys)
    metadata = {
        "redirect_uris": [REDIRECT_URI],
        "application_type": "native",
        "jwks": public(keys),
        **AUTHENTICATION,
        **grants("code id_token"),
        **EVERYTHING,
    }
    if where == "jwks_uri":
        del metadata["jwks"]
        metadata["jwks_uri"] = host.uri
    try:
        report = run(fleet, keys, metadata)
    finally:
        host.close()
    assert algorithms(report["id_tokens"]) == ["PS256", "PS256"]
    assert algorithms(report["userinfo_tokens"]) == ["ES256"]
    assert bool(host.requests) == (where == "jwks_uri")

    registered = report["client"]
    assert metadata.items() <= registered.items()
    uri = registered["registration_client_uri"]
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {registered['registration_access_token']}"
        read = http.get(uri).json()
        assert read["client_id"] == registered["client_id"]
        changed = {
            name: value
            for name, value in read.items()
            if not name.startswith(("registration_", "client_id_", "client_secret_"))
        }
        answer = http.put(uri, json={**changed, "client_name": "Node.js"})
        assert answer.json()["client_name"] == "Node.js", answer.text
        http.headers["Authorization"] = f"Bearer {answer.json()['registration_access_token']}"
        assert http.delete(uri).status_code == 204
        assert http.get(uri).status_code == 401
    with pytest.raises(AssertionError, match="that sent you here is not known"):
        run(fleet, keys, metadata, registered["client_id"])


def grants(response_type: str) -> dict[str, list[str]]:
    """The metadata of a client of one response type."""
    found = ["authorization_code"] if "code" in response_type else []
    found += ["implicit"] if "id_token" in response_type else []
    return {"response_types": [response_type], "grant_types": found}


def public(keys: dict[str, Any]) -> dict[str, Any]:
    """The JWK Set that is registered."""
    return {"keys": [key.as_dict(private=False) for key in keys.values()]}


def algorithms(tokens: list[str | None]) -> list[str]:
    """The algorithms of the signed JWTs within encrypted ones."""
    return [jws.extract_compact(token.encode()).protected["alg"] for token in tokens if token]
