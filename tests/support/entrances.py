"""Every credential that the provider hands out, and every entrance at which one is accepted."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from support.app import REDIRECT_URI, Browser, Provider, RelyingParty
from support.ciba import NOTIFICATION_TOKEN, forms
from support.devices import DEVICE_CODE, ask, decide, enter, signed_in
from support.dpop import ProofKey, with_proof
from support.pushing import push, visit

from oidcserver.clients.registration import register_client
from oidcserver.oauth.grant_types import CIBA

CLIENT_ID = "app"
API = "https://api.example"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
COOKIES = ("oidcserver_6543_session", "oidcserver_6543_browser", "oidcserver_6543_csrf")
SETTINGS: dict[str, object] = {
    "oauth__grants": (
        "authorization_code implicit hybrid refresh_token client_credentials password device_code "
        "ciba token_exchange"
    ),
    "oauth__endpoints": (
        "authorization pushed_authorization_request token revocation introspection userinfo "
        "end_session jwks openid_configuration device_authorization backchannel_authentication "
        "registration client_configuration"
    ),
    "oidc__pages": "home login consent logout account device approvals",
    "oauth__response_modes": "query fragment jwt",
    "oauth__registration": "open",
    "oauth__dpop_nonce": "required",
    "oauth__token_exchange_rules": f"{CLIENT_ID} {API} delegation",
    # A slow machine tries them for more than a minute.
    "oauth__authorization_code_lifetime": "10m",
    "oauth__pushed_request_lifetime": "9m",
    "oauth__dpop_nonce_lifetime": "10m",
    "oidc__ciba_lifetime": "10m",
    # Texts are tried as user codes without end.
    "oauth__device_code_attempts": "1000000",
    "oauth__device_code_attempts_per_address": "1000000",
}


class World(NamedTuple):
    """A provider with every flow, a client of all of them, and a browser with a user."""

    provider: Provider
    client: RelyingParty
    browser: Browser


def make_world(provider: Provider, **metadata: Any) -> World:
    """Register the client and sign alice in; the notifications of the client lead nowhere."""
    provider.registry.oidc.ping_deliverer.fetcher.resolver = _no_address
    values = {
        "client_name": "The Example Application",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": [
            "authorization_code", "implicit", "refresh_token", "client_credentials", "password",
            DEVICE_CODE, CIBA, EXCHANGE,
        ],
        "response_types": ["code", "code id_token"],
        "scope": "openid profile email offline_access",
        "token_endpoint_auth_method": "client_secret_post",
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "https://client.example/ciba",
        **metadata,
    }  # fmt: skip
    with provider.database() as dbsession:
        row, secret = register_client(
            provider.registry.oidc.provider, dbsession, values, client_id=CLIENT_ID
        )
        dbsession.expunge(row)
    return World(provider, RelyingParty(provider, row, secret), signed_in(provider))


def _no_address(*_arguments: Any, **_options: Any) -> Any:
    raise OSError


def collect(world: World) -> dict[str, str]:
    """Go through every flow; return a credential of each kind, none of which is used up."""
    provider, client, browser = world
    tokens = client.exchange(client.login(browser)["code"])
    answer = client.login(browser, response_mode="jwt", prompt="consent")
    waiting = client.authorize(provider.browser(), follow=False)
    [interaction] = parse_qs(urlsplit(waiting.location).query)["request_uri"]
    device = ask(client)
    decide(browser, device)
    auth_req_id = client.post(
        "/oauth/bc-authorize", status=200, scope="openid profile", login_hint="alice",
        client_notification_token=NOTIFICATION_TOKEN,
    ).json["auth_req_id"]  # fmt: skip
    forms(browser)[-1].submit("decision", value="allow")
    registered = provider.browser().post_json(
        "/oauth/register", {"redirect_uris": [REDIRECT_URI], "client_name": CLIENT_ID}
    )
    return {
        "code": client.login(browser, prompt="consent")["code"],
        "access_token": tokens["access_token"],
        "refresh_token": tokens["refresh_token"],
        "id_token": tokens["id_token"],
        "response": answer["response"],
        "request_uri": push(client),
        "interaction": interaction,
        "device_code": device["device_code"],
        "user_code": ask(client)["user_code"],
        "auth_req_id": auth_req_id,
        "client_notification_token": NOTIFICATION_TOKEN,
        "client_secret": client.secret or "",
        "registration_access_token": registered.json["registration_access_token"],
        "registration_client_uri": registered.json["registration_client_uri"],
        "dpop_nonce": new_nonce(world),
        **{name: browser.cookies[name] for name in COOKIES},
    }


def new_nonce(world: World) -> str:
    """Return a nonce for DPoP proofs."""
    nonce: str = _proven(world, ...).headers["DPoP-Nonce"]
    return nonce


def _proven(world: World, nonce: Any) -> Any:
    """Send a DPoP proof with a nonce, and nothing that could be redeemed."""
    headers = with_proof(world.client, ProofKey().for_token(world.client, nonce=nonce)["DPoP"])
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    return world.client.token(status=400, headers=headers, **form)


def _token(world: World, **form: Any) -> bool:
    answer = world.client.token(status="*", **form)
    assert answer.status_int in (200, 400)
    return bool(answer.status_int == 200)


def _code(world: World, text: str) -> bool:
    form = {"redirect_uri": REDIRECT_URI, "code_verifier": world.client.verifier}
    return _token(world, grant_type="authorization_code", code=text, **form)


def _refresh_token(world: World, text: str) -> bool:
    return _token(world, grant_type="refresh_token", refresh_token=text)


def _device_code(world: World, text: str) -> bool:
    return _token(world, grant_type=DEVICE_CODE, device_code=text)


def _auth_req_id(world: World, text: str) -> bool:
    return _token(world, grant_type=CIBA, auth_req_id=text)


def _subject_token(kind: str) -> Callable[[World, str], bool]:
    def present(world: World, text: str) -> bool:
        form = {"subject_token": text, "subject_token_type": f"{TOKEN_TYPE}{kind}"}
        return _token(world, grant_type=EXCHANGE, resource=API, **form)

    return present


def _user_code(world: World, text: str) -> bool:
    return "decision" in enter(world.browser, text, status="*").forms


def _request_uri(world: World, text: str) -> bool:
    page = visit(world.client, world.browser, text)
    assert page.status_int in (200, 303, 400, 403)
    return page.status_int == 200 and "consent" in page.forms


def _id_token_hint(world: World, text: str) -> bool:
    page = world.client.authorize(world.browser, id_token_hint=text, prompt="none")
    return world.client.answer(page)["error"] != "invalid_request"


def _bearer(path: str) -> Callable[[World, str], bool]:
    def present(world: World, text: str) -> bool:
        headers = {"Authorization": f"Bearer {text.encode().decode('latin-1')}"}
        answer = world.client.http.get(path, headers=headers, status="*")
        assert answer.status_int in (200, 400, 401)
        return bool(answer.status_int == 200)

    return present


def _introspection(world: World, text: str) -> bool:
    return bool(world.client.introspect(text)["active"])


def _client_secret(world: World, text: str) -> bool:
    pair = b64encode(f"{CLIENT_ID}:{text}".encode()).decode()
    answer = world.client.http.post(
        "/oauth/token", {"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {pair}"}, status="*",
    )  # fmt: skip
    assert answer.status_int in (200, 400, 401)
    return bool(answer.status_int == 200)


def _dpop_nonce(world: World, text: str) -> bool:
    return bool(_proven(world, text).json["error"] != "use_dpop_nonce")


def _cookie(world: World, text: str) -> bool:
    thief = world.provider.browser()
    if text.isascii() and not set(text) & set(' ";,\\'):
        for name in COOKIES:
            thief.set_cookie(name, text)
    page = thief.get("/", status="*")
    assert page.status_int == 200
    return "alice" in page.text


class Entrance(NamedTuple):
    """A place where a credential is presented."""

    #: The kinds of credentials that are accepted there.
    accepts: frozenset[str]
    #: Presents a text, and returns whether it was accepted. Anything but a rejection is an error.
    present: Callable[[World, str], bool]


def entrances(credentials: dict[str, str]) -> dict[str, Entrance]:
    """Return the entrances by name; the last ones use the credential up."""
    configuration = urlsplit(credentials["registration_client_uri"]).path
    own = {
        "userinfo": (("access_token",), _bearer("/oauth/userinfo")),
        "client configuration": (("registration_access_token",), _bearer(configuration)),
        "introspection": (("access_token", "refresh_token"), _introspection),
        "subject_token, access token": (("access_token",), _subject_token("access_token")),
        "subject_token, ID token": (("id_token",), _subject_token("id_token")),
        "id_token_hint": (("id_token",), _id_token_hint),
        "client secret": (("client_secret",), _client_secret),
        "DPoP nonce": (("dpop_nonce",), _dpop_nonce),
        "cookie": ((COOKIES[0],), _cookie),
        "request_uri": (("request_uri",), _request_uri),
        "user_code": (("user_code",), _user_code),
        "device_code": (("device_code",), _device_code),
        "auth_req_id": (("auth_req_id",), _auth_req_id),
        "code": (("code",), _code),
        "refresh_token": (("refresh_token",), _refresh_token),
    }
    return {name: Entrance(frozenset(kinds), present) for name, (kinds, present) in own.items()}
