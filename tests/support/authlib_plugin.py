"""A plugin that offers grants of Authlib, subclassed only with the hooks that Authlib demands.

Its rows are in tables of its own. What redeems a code is handed to the outcome of the request, so
of several requests with one code one gets tokens.
"""

from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    BaseGrant,
    ClientCredentialsGrant,
    TokenEndpointMixin,
)
from authlib.oauth2.rfc7523 import JWTBearerGrant
from authlib.oauth2.rfc8628 import (
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialMixin,
)
from joserfc.jwk import KeySet
from pyramid.response import Response
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from oidcserver import clock
from oidcserver.database import AtomicWrite, NewRow, Read, inserting
from oidcserver.interfaces import Step
from oidcserver.models.user import find_user
from oidcserver.oauth.errors import invalid_grant
from oidcserver.oauth.flow import run
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.steps import (
    announce,
    authenticate_client,
    commit,
    read_parameters,
    reject,
    require_client,
    respond,
    write_response,
)
from oidcserver.plugins.selection import AFTER_SCHEMA

POLLING_SECONDS = 5


class Base(DeclarativeBase):
    """The tables of this plugin."""


class Code(Base):
    """An authorization code."""

    __tablename__ = "example_code"

    code: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    username: Mapped[str]
    scope: Mapped[str]
    redirect_uri: Mapped[str | None]
    code_challenge: Mapped[str | None]
    code_challenge_method: Mapped[str | None]


class Device(Base):
    """A device code, and what the user said to it."""

    __tablename__ = "example_device"

    device_code: Mapped[str] = mapped_column(primary_key=True)
    user_code: Mapped[str]
    client_id: Mapped[str]
    scope: Mapped[str | None]
    expires_at: Mapped[int]
    polled_at: Mapped[int] = mapped_column(default=0)
    username: Mapped[str | None]
    approved: Mapped[bool] = mapped_column(default=False)


FIND_CODE = Read(
    select(
        Code.client_id, Code.username, Code.scope, Code.redirect_uri,
        Code.code_challenge, Code.code_challenge_method,
    ).where(Code.code == bindparam("redeemed"))
)  # fmt: skip
REDEEM_CODE = AtomicWrite(
    delete(Code).where(Code.code == bindparam("redeemed")).returning(Code.code)
)
FIND_DEVICE = Read(
    select(
        Device.user_code, Device.client_id, Device.scope, Device.expires_at, Device.polled_at,
        Device.username, Device.approved,
    ).where(Device.device_code == bindparam("polled"))
)  # fmt: skip
REDEEM_DEVICE = AtomicWrite(
    delete(Device).where(Device.device_code == bindparam("polled")).returning(Device.device_code)
)
NOTE_POLL = AtomicWrite(
    update(Device)
    .where(Device.device_code == bindparam("polled"))
    .values(polled_at=bindparam("now"))
    .returning(Device.device_code)
)


class FoundCode:
    """A code, with the attributes that Authlib and the step ``check_code_verifier`` need."""

    def __init__(self, code: str, row: Any) -> None:
        self.code = code
        (self.client_id, self.username, self.scope, self.redirect_uri,
         self.code_challenge, self.code_challenge_method) = row  # fmt: skip

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class FoundDevice(DeviceCredentialMixin):  # type: ignore[misc]
    """A device code, with the methods that Authlib needs."""

    def __init__(self, row: Any) -> None:
        (self.user_code, self.client_id, self.scope, self.expires_at, self.polled_at,
         self.username, self.approved) = row  # fmt: skip

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str | None:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.expires_at < clock.now()


def user_of(token_request: OAuthRequest, username: str) -> Any:
    with token_request.request.oidc.database.transaction() as dbsession:
        return find_user(dbsession, username)


def was_redeemed() -> None:
    raise invalid_grant("The code was used before.")


class Codes(AuthorizationCodeGrant):  # type: ignore[misc]
    def save_authorization_code(self, code: str, request: OAuthRequest) -> None:
        row = NewRow(
            Code, code=code, client_id=request.client.client_id, username=request.user.username,
            scope=request.authorization.scope, redirect_uri=request.payload.redirect_uri,
            code_challenge=request.payload.data.get("code_challenge"),
            code_challenge_method=request.payload.data.get("code_challenge_method"),
        )  # fmt: skip
        request.outcome.also(inserting(Code), **row.values)

    def query_authorization_code(self, code: str, client: Any) -> FoundCode | None:
        row = self.request.request.oidc.database.read(FIND_CODE, redeemed=code)
        return FoundCode(code, row) if row and row[0] == client.client_id else None

    def delete_authorization_code(self, authorization_code: FoundCode) -> None:
        self.request.outcome.decide(REDEEM_CODE, was_redeemed, redeemed=authorization_code.code)

    def authenticate_user(self, authorization_code: FoundCode) -> Any:
        return user_of(self.request, authorization_code.username)


class Assertions(JWTBearerGrant):  # type: ignore[misc]
    def resolve_issuer_client(self, issuer: str) -> Any:
        return self.server.query_client(issuer)

    def resolve_client_public_key(self, client: Any) -> Any:
        return KeySet.import_key_set(client.member("jwks"))

    def get_audiences(self) -> list[str]:
        return [self.server.provider.issuer]

    def authenticate_user(self, subject: str) -> Any:
        return user_of(self.request, subject)

    def has_granted_permission(self, client: Any, user: Any) -> bool:
        return True


class Devices(DeviceCodeGrant):  # type: ignore[misc]
    def query_device_credential(self, device_code: str) -> FoundDevice | None:
        row = self.request.request.oidc.database.read(FIND_DEVICE, polled=device_code)
        self.found = FoundDevice(row) if row else None
        self.polled = {"polled": device_code}
        return self.found

    def query_user_grant(self, user_code: str) -> tuple[Any, bool] | None:
        assert self.found is not None
        if self.found.username is None:
            return None
        self.request.outcome.decide(REDEEM_DEVICE, was_redeemed, **self.polled)
        return user_of(self.request, self.found.username), self.found.approved

    def should_slow_down(self, credential: FoundDevice) -> bool:
        outcome, database = self.request.outcome, self.request.request.oidc.database
        now = clock.now()
        outcome.if_rejected(lambda: database.write(NOTE_POLL, now=now, **self.polled))
        return credential.polled_at > now - POLLING_SECONDS


class Forgetful(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """A grant that does not authenticate the client."""

    GRANT_TYPE = "urn:example:forgetful"

    def validate_token_request(self) -> None:
        self.request.user = user_of(self.request, "alice")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        return 200, self.generate_token(user=self.request.user), self.TOKEN_RESPONSE_HEADER


class DeviceAuthorization(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    def get_verification_uri(self) -> str:
        return f"{self.server.provider.issuer}/device"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        row = NewRow(
            Device, device_code=data["device_code"], user_code=data["user_code"],
            client_id=client_id, scope=scope, expires_at=clock.now() + data["expires_in"],
        )  # fmt: skip
        self.server.oauth_request.outcome.also(inserting(Device), **row.values)


def device_authorization(request: Any) -> Response:
    return run("example_device", OAuthRequest(request), reject)


def prepare_codes(device_request: OAuthRequest) -> None:
    endpoint = DeviceAuthorization(device_request.request.oidc.server)
    _, device_request.answer, _ = endpoint.create_endpoint_response(device_request)


def includeme(config: Any) -> None:
    config.add_oauth_grant("authlib_code", Codes, response_types=["code"])
    config.add_oauth_grant("authlib_client_credentials", ClientCredentialsGrant)
    config.add_oauth_grant("authlib_jwt_bearer", Assertions)
    config.add_oauth_grant("authlib_device_code", Devices)
    config.add_oauth_grant("forgetful", Forgetful)
    config.add_oauth_flow(
        "example_device",
        (
            Step(read_parameters), Step(authenticate_client), Step(require_client),
            Step(prepare_codes), Step(write_response), Step(commit), Step(announce), Step(respond),
        ),
    )  # fmt: skip
    config.add_oauth_endpoint(
        "example_device",
        "/device_authorization",
        device_authorization,
        transaction=False,
        metadata_field="device_authorization_endpoint",
    )

    def create_tables() -> None:
        Base.metadata.create_all(config.registry.oidc.database.engine)

    config.action(("example", "tables"), create_tables, order=AFTER_SCHEMA)
