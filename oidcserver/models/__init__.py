"""The tables and the statements that read and change them."""

from oidcserver.models.access_token import RevokedAccessToken
from oidcserver.models.authorization import Authorization
from oidcserver.models.authorization_code import AuthorizationCode
from oidcserver.models.base import Base
from oidcserver.models.client import Client
from oidcserver.models.consent import Consent
from oidcserver.models.initial_access_token import InitialAccessToken
from oidcserver.models.login_session import LoginSession
from oidcserver.models.login_session_client import LoginSessionClient
from oidcserver.models.logout_delivery import LogoutDelivery
from oidcserver.models.pairwise_subject import PairwiseSubject
from oidcserver.models.refresh_token import RefreshToken
from oidcserver.models.rejection import RecordedRejection
from oidcserver.models.replay import UsedIdentifier
from oidcserver.models.suspended_request import SuspendedRequest
from oidcserver.models.throttle import Throttle
from oidcserver.models.user import User

__all__ = [
    "Authorization",
    "AuthorizationCode",
    "Base",
    "Client",
    "Consent",
    "InitialAccessToken",
    "LoginSession",
    "LoginSessionClient",
    "LogoutDelivery",
    "PairwiseSubject",
    "RecordedRejection",
    "RefreshToken",
    "RevokedAccessToken",
    "SuspendedRequest",
    "Throttle",
    "UsedIdentifier",
    "User",
]
