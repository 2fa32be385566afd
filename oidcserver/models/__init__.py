"""The tables and the statements that read and change them."""

from oidcserver.models.access_token import RevokedAccessToken
from oidcserver.models.authorization import Authorization, AuthorizationRecord
from oidcserver.models.authorization_code import AuthorizationCode, AuthorizationCodeRecord
from oidcserver.models.backchannel_request import BackchannelRequest, BackchannelRequestRecord
from oidcserver.models.base import Base
from oidcserver.models.client import Client, ClientRecord
from oidcserver.models.consent import Consent, ConsentRecord
from oidcserver.models.device_authorization import (
    DeviceAuthorization,
    DeviceAuthorizationRecord,
)
from oidcserver.models.initial_access_token import InitialAccessToken
from oidcserver.models.login_session import LoginSession, LoginSessionRecord
from oidcserver.models.login_session_client import LoginSessionClient
from oidcserver.models.logout_delivery import LogoutDelivery
from oidcserver.models.pairwise_subject import PairwiseSubject
from oidcserver.models.ping_delivery import PingDelivery
from oidcserver.models.refresh_token import RefreshToken, RefreshTokenRecord
from oidcserver.models.registered_client import RegisteredClient
from oidcserver.models.rejection import RecordedRejection
from oidcserver.models.replay import UsedIdentifier
from oidcserver.models.suspended_request import SuspendedRequest
from oidcserver.models.throttle import Throttle
from oidcserver.models.user import User, UserRecord

__all__ = [
    "Authorization",
    "AuthorizationRecord",
    "AuthorizationCode",
    "AuthorizationCodeRecord",
    "BackchannelRequest",
    "BackchannelRequestRecord",
    "Base",
    "Client",
    "ClientRecord",
    "Consent",
    "ConsentRecord",
    "DeviceAuthorization",
    "DeviceAuthorizationRecord",
    "InitialAccessToken",
    "LoginSession",
    "LoginSessionRecord",
    "LoginSessionClient",
    "LogoutDelivery",
    "PairwiseSubject",
    "PingDelivery",
    "RecordedRejection",
    "RefreshToken",
    "RefreshTokenRecord",
    "RegisteredClient",
    "RevokedAccessToken",
    "SuspendedRequest",
    "Throttle",
    "UsedIdentifier",
    "User",
    "UserRecord",
]
