"""A server over a database of its own, and a client that signs what a test says."""

import secrets
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from sqlalchemy.orm import Session
from support.assertions import Signer

from oidcserver.client_auth import ALGORITHMS
from oidcserver.client_auth.client_secret import ClientSecretBasic, ClientSecretPost
from oidcserver.client_auth.client_secret_jwt import ClientSecretJWT
from oidcserver.client_auth.none import NoAuthentication
from oidcserver.client_auth.private_key_jwt import PrivateKeyJWT
from oidcserver.credentials import digest
from oidcserver.database import Database
from oidcserver.database.engine import make_engine
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.keys.jwk_set import public_key_set
from oidcserver.models import Base, Client
from oidcserver.oauth.client_authentication import client_required, prove_client
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.server import AuthorizationServer
from oidcserver.provider import Provider
from oidcserver.settings import Settings, Value
from oidcserver.types import FetchCause

ISSUER = "https://login.example/auth"
SETTINGS = {
    "oidc.issuer": ISSUER,
    "oauth.client_secret_methods": "either",
    "oauth.token_endpoint_auth_signing_algs": ALGORITHMS,
    "oauth.assertion_audience": "issuer_or_endpoint",
    "oauth.mtls_base_url": "",
    "oauth.assertion_max_lifetime": 300,
    "oauth.clock_skew": 10,
}
METHODS = {
    "client_secret_basic": ClientSecretBasic(),
    "client_secret_post": ClientSecretPost(),
    "client_secret_jwt": ClientSecretJWT(),
    "private_key_jwt": PrivateKeyJWT(),
    "none": NoAuthentication(),
}


class PlainSealer:
    """Seals nothing: what a sealed column holds can be written by hand."""

    def seal(self, data: bytes) -> str:
        return data.decode()

    def unseal(self, text: str) -> bytes:
        return text.encode()


class RemoteKeys:
    """The documents at the jwks_uri of clients, and the requests for them."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[tuple[str, str | None]] = []

    def keys(self, uri: str, kid: str | None, cause: FetchCause) -> Any:
        self.asked.append((uri, kid))
        if uri not in self.documents:
            raise OutboundFetchError("The host did not answer.")
        return public_key_set(self.documents[uri])


class Transaction:
    """The request's transaction manager, which counts."""

    def __init__(self, dbsession: Session) -> None:
        self._dbsession = dbsession
        self.committed = 0

    def commit(self) -> None:
        self._dbsession.commit()
        self._dbsession.expunge_all()  # as pyramid_tm leaves it
        self.committed += 1

    def begin(self) -> None:
        assert not self._dbsession.in_transaction()


def require(request: OAuthRequest) -> None:
    """Authenticate the client, as a flow does that requires one."""
    prove_client(request)
    if request.client is None:
        raise client_required(request)


class Server:
    """Clients, requests and the dispatcher of one provider."""

    def __init__(self, database: Database, dbsession: Session) -> None:
        self.database = database.within(dbsession)
        self.dbsession = dbsession
        self.tm = Transaction(dbsession)
        self.database.commit = self.tm.commit  # type: ignore[attr-defined]
        self.remote_jwks = RemoteKeys()
        self.provider = Provider("auth")
        self.provider.client_authentication_methods = dict(METHODS)
        self.provider.endpoints = {"token": "/auth/oauth/token"}
        self.provider.sealer = lambda purpose: PlainSealer()
        self.set()

    def set(self, **changes: Any) -> None:
        """Change settings of the prefix ``oauth.``."""
        values = {**SETTINGS, **{f"oauth.{name}": value for name, value in changes.items()}}
        self.provider.settings = Settings({n: Value(v, "ini") for n, v in values.items()})

    def select(self, *names: str) -> None:
        """Select these methods and no others."""
        self.provider.client_authentication_methods = {name: METHODS[name] for name in names}

    def client(self, method: str, *, secret: str | None = None, **metadata: Any) -> Client:
        """Register a client."""
        client = Client(
            client_id=secrets.token_urlsafe(8),
            client_metadata={"token_endpoint_auth_method": method, **metadata},
            secret_digest=digest(secret) if secret else None,
            secret_sealed=secret,
        )
        self.dbsession.add(client)
        self.dbsession.commit()
        return client

    def request(
        self, form: dict[str, str], authorization: str | None = None, path: str = "/oauth/token"
    ) -> OAuthRequest:
        """Return a new request."""
        environ = {"PATH_INFO": f"/auth{path}"}
        if authorization is not None:
            environ["HTTP_AUTHORIZATION"] = authorization
        request = SimpleNamespace(
            method="POST",
            environ=environ,
            headers={},
            oidc=SimpleNamespace(
                provider=self.provider, database=self.database, dbsession=self.dbsession
            ),
            tm=self.tm,
            registry=SimpleNamespace(oidc=SimpleNamespace(remote_jwks=self.remote_jwks)),
        )
        request.oidc.server = AuthorizationServer(request)
        return OAuthRequest(request, list(form.items()))

    def authenticate(
        self, form: dict[str, str], authorization: str | None = None, **where: str
    ) -> str:
        """Authenticate and commit; return the identifier of the client."""
        request = self.request(form, authorization, **where)
        prove_client(request)
        self.dbsession.commit()
        client = request.client
        registered = client.token_endpoint_auth_method
        assert request.auth_method == registered or {request.auth_method, registered} == {
            "client_secret_basic",
            "client_secret_post",
        }
        return client.client_id

    def rejection(
        self,
        form: dict[str, str],
        authorization: str | None = None,
        *,
        error: str = "invalid_client",
    ) -> Rejection:
        """Return the rejection of a request that is rejected."""
        request = self.request(form, authorization)
        with pytest.raises(Rejection) as caught:
            require(request)
        self.dbsession.commit()
        assert request.client is None
        assert request.auth_method is None
        assert caught.value.error == error
        return caught.value

    def reason(self, form: dict[str, str], authorization: str | None = None) -> str:
        """Return what those who run the server are told of a request that is rejected."""
        reason: str = self.rejection(form, authorization).received["reason"]
        return reason


@pytest.fixture
def server() -> Iterator[Server]:
    engine = make_engine("sqlite://")
    Base.metadata.create_all(engine)
    database = Database(engine)
    with database.session() as dbsession:
        yield Server(database, dbsession)
    engine.dispose()


@pytest.fixture(scope="module")
def lasting_server() -> Iterator[Server]:
    """One server for the many examples of a property test."""
    engine = make_engine("sqlite://")
    Base.metadata.create_all(engine)
    database = Database(engine)
    with database.session() as dbsession:
        yield Server(database, dbsession)
    engine.dispose()


@pytest.fixture(scope="session")
def private_keys() -> dict[str, Key]:
    """A key for each algorithm that signs with one."""
    rsa = RSAKey.generate_key(2048)
    return {
        "RS256": rsa,
        "PS256": rsa,
        "ES256": ECKey.generate_key("P-256"),
        "Ed25519": OKPKey.generate_key("Ed25519"),
        "EdDSA": OKPKey.generate_key("Ed25519"),
    }


class AssertingClient(Signer):
    """A registered client that makes assertions."""

    def __init__(self, server: Server, client: Client, alg: str, key: Key) -> None:
        super().__init__(client.client_id, alg, key, ISSUER)
        self.server = server

    def accepted(self, header: dict[str, Any] | None = None, **changes: Any) -> bool:
        """Say whether an assertion with these changes is accepted."""
        form = self.form(self.sign(self.claims(**changes), **(header or {})))
        return self.server.authenticate(form) == self.client_id

    def reason(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return why an assertion with these changes is rejected."""
        return self.server.reason(self.form(self.sign(self.claims(**changes), **(header or {}))))


MakeClient = Callable[..., AssertingClient]


def make_client_of(server: Server, private_keys: dict[str, Key]) -> MakeClient:
    """Return a function that registers a client which signs by ``alg``."""

    def make(alg: str = "ES256", **metadata: Any) -> AssertingClient:
        if alg in private_keys:
            key = private_keys[alg]
            metadata = {"jwks": {"keys": [key.as_dict(private=False)]}, **metadata}
            return AssertingClient(server, server.client("private_key_jwt", **metadata), alg, key)
        secret = "cs_" + secrets.token_urlsafe(32)
        client = server.client("client_secret_jwt", secret=secret, **metadata)
        return AssertingClient(server, client, alg, OctKey.import_key(secret))

    return make


@pytest.fixture
def make_client(server: Server, private_keys: dict[str, Key]) -> MakeClient:
    """Register a client: ``make_client(alg="ES256", **metadata)``."""
    return make_client_of(server, private_keys)


@pytest.fixture
def client(make_client: MakeClient) -> AssertingClient:
    """A client with private_key_jwt and an ES256 key."""
    return make_client()


@pytest.fixture(scope="module")
def lasting_client(lasting_server: Server, private_keys: dict[str, Key]) -> AssertingClient:
    """One client for the many examples of a property test."""
    return make_client_of(lasting_server, private_keys)()
