"""What is said to a client as a JWT, protected as it registered."""

from typing import Any

from oidcserver.keys.jwt import sign, sign_with_secret
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.registration import read_client_secrets


def make_client_jwt(
    request: Any, client: Any, use: str, claims: dict[str, Any], *, typ: str | None = None
) -> str:
    """Sign claims for a client.

    :param use: ``id_token`` or ``userinfo``: the registered ``{use}_signed_response_alg`` says
        how (OpenID Connect Registration section 2).
    :param typ: the type that the header names; None: no type.
    """
    algorithm = client.member(f"{use}_signed_response_alg")
    if not algorithm.startswith("HS"):
        return sign(request.provider.keys, algorithm, claims, typ=typ)
    secrets = read_client_secrets(request.provider, client)
    if not secrets:
        raise Rejection(
            "server_error",
            "The token cannot be signed: the client has no secret that can be read.",
            rule="OpenID Connect Core section 10.1",
            received={"client": client.client_id},
            status_code=500,
        )
    return sign_with_secret(secrets[0], algorithm, claims, typ=typ)
