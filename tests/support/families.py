"""Rows as a login leaves them, made many at a time."""

from collections.abc import Callable

from support.app import REDIRECT_URI, Provider, RelyingParty

from oidcserver import clock
from oidcserver.credentials import (
    AUTHORIZATION_CODE,
    BACKCHANNEL_REQUEST,
    DEVICE_CODE,
    REFRESH_TOKEN,
    digest,
    new_credential,
)
from oidcserver.database.statements import insert_once
from oidcserver.models import (
    Authorization,
    AuthorizationCode,
    BackchannelRequest,
    Base,
    DeviceAuthorization,
    RefreshToken,
    User,
)
from oidcserver.models.user import find_user

SCOPE = "openid profile"
HOUR = 3600


def make_codes(client: RelyingParty, count: int) -> list[str]:
    """Return that many codes, each of an authorization of its own."""

    def row(code: str, authorization: Authorization) -> AuthorizationCode:
        return AuthorizationCode(
            code_digest=digest(code),
            authorization_id=authorization.id,
            client_id=client.client_id,
            redirect_uri=REDIRECT_URI,
            code_challenge=client.challenge,
            code_challenge_method="S256",
            expires_at=clock.now() + HOUR,
        )

    return _make(client, count, AUTHORIZATION_CODE, row)


def make_refresh_tokens(client: RelyingParty, count: int) -> list[str]:
    """Return that many refresh tokens, each the first of its family."""

    def row(refresh_token: str, authorization: Authorization) -> RefreshToken:
        return RefreshToken(
            token_digest=digest(refresh_token),
            authorization_id=authorization.id,
            client_id=client.client_id,
            scope=SCOPE,
            expires_at=clock.now() + HOUR,
            family_expires_at=clock.now() + HOUR,
        )

    return _make(client, count, REFRESH_TOKEN, row)


def make_device_codes(client: RelyingParty, count: int) -> list[str]:
    """Return that many device codes, each approved."""

    def row(device_code: str, authorization: Authorization) -> DeviceAuthorization:
        return DeviceAuthorization(
            device_code_digest=digest(device_code),
            user_code_digest=digest(f"user code {device_code}"),
            user_code_sealed="",
            client_id=client.client_id,
            parameters={},
            poll_interval=5,
            claimed_by=authorization.user_id,
            decided_at=clock.now(),
            authorization_id=authorization.id,
            expires_at=clock.now() + HOUR,
        )

    return _make(client, count, DEVICE_CODE, row)


def make_backchannel_requests(client: RelyingParty, count: int) -> list[str]:
    """Return the ``auth_req_id`` of that many requests that the user allowed."""

    def row(auth_req_id: str, authorization: Authorization) -> BackchannelRequest:
        return BackchannelRequest(
            request_digest=digest(auth_req_id),
            client_id=client.client_id,
            user_id=authorization.user_id,
            scope=SCOPE,
            poll_interval=5,
            expires_at=clock.now() + HOUR,
            decided_at=clock.now(),
            authorization_id=authorization.id,
        )

    return _make(client, count, BACKCHANNEL_REQUEST, row)


def _make(
    client: RelyingParty, count: int, prefix: str, row: Callable[[str, Authorization], Base]
) -> list[str]:
    credentials = [new_credential(prefix) for _ in range(count)]
    user_id = _person(client.provider)
    with client.provider.database() as dbsession:
        authorizations = [
            Authorization(
                client_id=client.client_id,
                user_id=user_id,
                subject=user_id,
                scope=SCOPE,
                auth_time=clock.now(),
                acr="1",
                amr=["pwd"],
                expires_at=clock.now() + HOUR,
            )
            for _ in credentials
        ]
        dbsession.add_all(authorizations)
        dbsession.flush()
        dbsession.add_all(map(row, credentials, authorizations))
    return credentials


def _person(provider: Provider) -> str:
    with provider.database() as dbsession:
        # Several threads may want the person at once.
        insert_once(dbsession, User, username="racer", username_key="racer")
        user = find_user(dbsession, "racer")
        assert user is not None
        return user.id
