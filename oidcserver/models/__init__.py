"""The tables and the statements that read and change them."""

from oidcserver.models.access_token import RevokedAccessToken
from oidcserver.models.activity import Activity
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
from oidcserver.models.group import Group, Membership, UpstreamGroup
from oidcserver.models.initial_access_token import InitialAccessToken
from oidcserver.models.login_session import LoginSession, LoginSessionRecord
from oidcserver.models.login_session_client import LoginSessionClient
from oidcserver.models.logout_delivery import LogoutDelivery
from oidcserver.models.mail import Mail
from oidcserver.models.mailed_link import MailedLink
from oidcserver.models.pairwise_subject import PairwiseSubject
from oidcserver.models.passkey import Passkey
from oidcserver.models.pending_sign_in import PendingSignIn
from oidcserver.models.ping_delivery import PingDelivery
from oidcserver.models.refresh_token import RefreshToken, RefreshTokenRecord
from oidcserver.models.registered_client import RegisteredClient
from oidcserver.models.rejection import RecordedRejection
from oidcserver.models.remembered_device import RememberedDevice
from oidcserver.models.replay import UsedIdentifier
from oidcserver.models.second_factor import AuthenticatorApp, RecoveryCode
from oidcserver.models.suspended_request import SuspendedRequest
from oidcserver.models.throttle import Throttle
from oidcserver.models.upstream import UpstreamLink, UpstreamRequest
from oidcserver.models.upstream_end import UpstreamEnd
from oidcserver.models.upstream_session import UpstreamSession
from oidcserver.models.user import User, UserRecord

__all__ = [
    "Activity",
    "AuthenticatorApp",
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
    "Group",
    "InitialAccessToken",
    "LoginSession",
    "LoginSessionRecord",
    "LoginSessionClient",
    "LogoutDelivery",
    "Mail",
    "MailedLink",
    "Membership",
    "PairwiseSubject",
    "Passkey",
    "PendingSignIn",
    "PingDelivery",
    "RecordedRejection",
    "RecoveryCode",
    "RefreshToken",
    "RefreshTokenRecord",
    "RegisteredClient",
    "RememberedDevice",
    "RevokedAccessToken",
    "SuspendedRequest",
    "Throttle",
    "UpstreamEnd",
    "UpstreamGroup",
    "UpstreamLink",
    "UpstreamRequest",
    "UpstreamSession",
    "UsedIdentifier",
    "User",
    "UserRecord",
]
