"""How a resource server authenticates where it introspects tokens: by a secret, or by a key."""

from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

import urllib3
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from oidcserver import clock
from oidcserver.client_auth.assertion import ASSERTION_TYPE
from oidcserver.credentials import new_identifier
from oidcserver.keys import jwt
from oidcserver.keys.jwk_set import read_pem
from oidcserver.keys.strict_json import parse_object

#: Seconds that an assertion lives.
LIFETIME = 60
#: The algorithm of a key that names none, by its type and curve.
_USUAL = {("RSA", None): "PS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}

#: Returns the header fields and the parameters that authenticate the next request.
Authenticate = Callable[[], tuple[Mapping[str, str], Mapping[str, str]]]


def by_secret(client_id: str, client_secret: str) -> Authenticate:
    """Authenticate by ``client_secret_basic`` (RFC 6749 section 2.3.1)."""
    credentials = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    headers = urllib3.make_headers(basic_auth=credentials)
    return lambda: (headers, {})


def by_key(client_id: str, key: Key, issuer: str) -> Authenticate:
    """Authenticate by ``private_key_jwt`` (OpenID Connect Core section 9).

    :param issuer: of the provider: the one audience of the assertions, as FAPI 2.0 requires.
    """

    def authenticate() -> tuple[Mapping[str, str], Mapping[str, str]]:
        now = clock.now()
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "jti": new_identifier(),
            "iat": now,
            "exp": now + LIFETIME,
        }
        assertion = jwt.sign_with_key(key, _algorithm(key), claims)
        return {}, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}

    return authenticate


def private_key(text: str) -> Key:
    """Return a private key that is given as a JWK (RFC 7517) or in PEM.

    :raises ValueError: for every other text, and for a key that cannot sign an assertion. The text
        of the error is a sentence.
    """
    try:
        key = _import_jwk(text) if text.startswith("{") else read_pem(text)
    except (JoseError, ValueError, TypeError, KeyError):
        key = None
    if not isinstance(key, RSAKey | ECKey | OKPKey) or not key.is_private:
        raise ValueError("It is no private key, as a JWK or in PEM.")
    if _algorithm(key) not in jwt.CLIENT_ALGORITHMS:
        raise ValueError(f"The key has to sign by one of {', '.join(jwt.CLIENT_ALGORITHMS)}.")
    return key


def _import_jwk(text: str) -> Key:
    return JWKRegistry.import_key(parse_object(text.encode()))


def _algorithm(key: Key) -> str:
    kind = (key.key_type, getattr(key, "curve_name", None))
    return key.alg or _USUAL.get(kind, "")
