"""The works: what a server is asked to do, as a script for wrk and its arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from servers import REDIRECT_URI, VERIFIER, Person, Server

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
    #: Whether a server can do it at all.
    serves: Callable[[Server], bool] = lambda server: True


def _client_credentials(server: Server) -> list[str]:
    return ["POST", server.paths["token"], "grant_type=client_credentials", '"access_token"',
            FORM, "Authorization: " + server.basic(server.service_id)]  # fmt: skip


def _introspection(server: Server) -> list[str]:
    token = Person(server).authorize()["access_token"]
    return ["POST", server.paths["introspection"], urlencode({"token": token}), "true",
            FORM, "Authorization: " + server.basic()]  # fmt: skip


def _userinfo(server: Server) -> list[str]:
    token = Person(server).authorize()["access_token"]
    return ["GET", server.paths["userinfo"], "", '"sub"', f"Authorization: Bearer {token}"]


def _refresh(expected: str, **parameters: str) -> Callable[[Server], list[str]]:
    def arguments(server: Server) -> list[str]:
        person = Person(server)
        tokens = (
            person.authorize(**{**server.offline, **parameters}) for _ in range(REFRESH_TOKENS)
        )
        first = [token["refresh_token"] for token in tokens]
        return [server.paths["token"], server.basic(), expected, *first]

    return arguments


def _code_flow(server: Server) -> list[str]:
    person = Person(server)
    person.authorize()
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    return [server.authorization_path(), person.cookie, server.paths["token"], server.basic(),
            urlencode(form)]  # fmt: skip


def _get(path: str, expected: str) -> Callable[[Server], list[str]]:
    return lambda server: ["GET", server.paths[path], "", expected]


WORKS = (
    Work("client_credentials (opaque)", "same", _client_credentials),
    Work("client_credentials (RS256 JWT)", "same", _client_credentials, "jwt"),
    Work("introspection", "same", _introspection),
    Work("UserInfo", "same", _userinfo),
    Work("refresh", "refresh", _refresh('"access_token"', **NOT_OPENID)),
    Work(
        "refresh (with an ID token)",
        "refresh",
        _refresh('"id_token"'),
        serves=lambda server: server.refreshes_id_tokens,
    ),
    Work("authorization code flow", "code_flow", _code_flow),
    Work("discovery", "same", _get("discovery", '"issuer"')),
    Work("JWKS", "same", _get("jwks", '"keys"')),
)
