"""The works: what a server is asked to do, as a script for wrk and its arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from load import WrongAnswersError
from proofs import Prover
from servers import REDIRECT_URI, RESOURCE, TOKEN_EXCHANGE, VERIFIER, Server
from user import User

#: More than there are connections, so that each always finds one.
REFRESH_TOKENS = 48
#: A request of OAuth alone, so that no server signs an ID token.
NOT_OPENID = {"scope": "profile", "nonce": "", "prompt": ""}
FORM = "Content-Type: application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Work:
    """A kind of request, or a flow of several."""

    name: str
    script: str
    #: Takes the server and returns the script's arguments; it may go through flows for them.
    arguments: Callable[[Server], list[str]]
    token_format: str = "opaque"
    #: Whether the server has pushed requests, DPoP and token exchange.
    features: bool = False
    #: Whether a server can do it at all.
    serves: Callable[[Server], bool] = lambda server: True
    #: Whether a program asks alone, without a user's browser.
    machine: bool = True
    #: The endpoint, where it may have a port of its own.
    endpoint: str = ""


def _client_credentials(server: Server) -> list[str]:
    return ["POST", server.paths["token"], "grant_type=client_credentials", '"access_token"',
            FORM, "Authorization: " + server.basic(server.service_id)]  # fmt: skip


def _introspection(server: Server) -> list[str]:
    token = User(server).authorize()["access_token"]
    answer = server.introspect(token)
    if answer.get("active") is not True:
        raise WrongAnswersError(f"{server.name}, introspection: {answer}")
    return ["POST", server.paths["introspection"], urlencode({"token": token}), "true",
            FORM, "Authorization: " + server.basic()]  # fmt: skip


def _userinfo(server: Server) -> list[str]:
    token = User(server).authorize()["access_token"]
    return ["GET", server.paths["userinfo"], "", '"sub"', f"Authorization: Bearer {token}"]


def _refresh(expected: str, **parameters: str) -> Callable[[Server], list[str]]:
    def arguments(server: Server) -> list[str]:
        user = User(server)
        tokens = (user.authorize(**{**server.offline, **parameters}) for _ in range(REFRESH_TOKENS))
        first = [token["refresh_token"] for token in tokens]
        return [server.paths["token"], server.basic(), expected, *first]

    return arguments


def _code_flow(server: Server) -> list[str]:
    user = User(server)
    user.authorize()
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    return [server.authorization_path(), user.cookie, server.paths["token"], server.basic(),
            urlencode(form)]  # fmt: skip


def _pushed_code_flow(server: Server) -> list[str]:
    pushed = [server.paths["pushed_request"], server.authorization_request(),
              f"{server.paths['authorization']}?client_id={server.client_id}"]  # fmt: skip
    return [*_code_flow(server)[1:], *pushed]


def _dpop_token(server: Server) -> list[str]:
    prover = Prover()
    proofs = prover.write("POST", server.url + server.paths["token"])
    return [*_client_credentials(server)[:3], '"DPoP"', proofs,
            *_client_credentials(server)[4:]]  # fmt: skip


def _dpop_userinfo(server: Server) -> list[str]:
    prover = Prover()
    token = User(server).authorize(prover.proof("POST", server.url + server.paths["token"]))
    access_token = token["access_token"]
    proofs = prover.write("GET", server.url + server.paths["userinfo"], access_token)
    return ["GET", server.paths["userinfo"], "", '"sub"', proofs,
            f"Authorization: DPoP {access_token}"]  # fmt: skip


def _token_exchange(server: Server) -> list[str]:
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": User(server).authorize()["access_token"],
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "resource": RESOURCE,
        "scope": "profile",
    }
    return ["POST", server.paths["token"], urlencode(form), '"issued_token_type"',
            FORM, "Authorization: " + server.basic()]  # fmt: skip


def _get(path: str, expected: str) -> Callable[[Server], list[str]]:
    return lambda server: ["GET", server.paths[path], "", expected]


WORKS = (
    Work(
        "client_credentials (opaque)",
        "same",
        _client_credentials,
        serves=lambda server: server.opaque_tokens,
    ),
    Work("client_credentials (RS256 JWT)", "same", _client_credentials, "jwt"),
    Work("introspection", "same", _introspection, endpoint="introspection"),
    Work("UserInfo", "same", _userinfo, serves=lambda server: server.flows),
    Work(
        "refresh",
        "refresh",
        _refresh('"access_token"', **NOT_OPENID),
        serves=lambda server: server.flows,
    ),
    Work(
        "refresh (with an ID token)",
        "refresh",
        _refresh('"id_token"'),
        serves=lambda server: server.flows and server.refreshes_id_tokens,
    ),
    Work("authorization code flow", "code_flow", _code_flow, serves=lambda server: server.flows),
    Work("discovery", "same", _get("discovery", '"issuer"')),
    Work("JWKS", "same", _get("jwks", '"keys"')),
    Work("PAR and code flow", "pushed_code_flow", _pushed_code_flow, features=True),
    Work("DPoP token", "proved", _dpop_token, features=True),
    Work("DPoP UserInfo", "proved", _dpop_userinfo, features=True),
    Work("token exchange", "same", _token_exchange, features=True),
)
