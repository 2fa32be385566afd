"""The consequences of a change of second factors: the event, the mail, the forgotten devices."""

from sqlalchemy import delete

from oidcserver.accounts.notices import send_notice
from oidcserver.accounts.second_factors import factors_of
from oidcserver.interfaces import User
from oidcserver.interfaces.authentication import AuthenticationMethod
from oidcserver.models import RecoveryCode
from oidcserver.models.remembered_device import forget_devices
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.texts import Counted, _
from oidcserver.types import Request


def factor_added(request: Request, user: User, name: str) -> None:
    """Tell that a user has set up a factor.

    :param name: the name of the method in the ini.
    """
    _tell(
        request,
        user,
        "factor_added",
        {"method": name},
        _(
            "A second factor of the account ${name} was set up: ${factor}.",
            _names(request, user, name),
        ),
    )


def factor_removed(request: Request, user: User, name: str) -> None:
    """Tell that a user has removed a factor. The devices of the user are not remembered any more.

    Recovery codes go with the last factor that they stand in for.
    """
    forget_devices(request.oidc.dbsession, user.id)
    request.oidc.dbsession.flush()
    if not factors_of(request, user):
        request.oidc.dbsession.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    _tell(
        request,
        user,
        "factor_removed",
        {"method": name},
        _(
            "A second factor of the account ${name} was removed: ${factor}.",
            _names(request, user, name),
        ),
    )


def recovery_codes_made(request: Request, user: User) -> None:
    """Tell that a user has new recovery codes, in the place of the earlier ones."""
    sentence = _("New recovery codes were created for the account ${name}.", _name(user))
    _tell(request, user, "recovery_codes_made", {}, sentence)


def recovery_code_used(request: Request, user: User, left: int) -> None:
    """Tell that a recovery code was used.

    :param left: how many the user has left.
    """
    used = _("A recovery code of the account ${name} was used.", _name(user))
    still = Counted("${count} code is left.", "${count} codes are left.", left)
    _tell(request, user, "recovery_code_used", {"left": left}, used, still)


def _name(user: User) -> dict[str, str]:
    return {"name": user.username}


def _names(request: Request, user: User, name: str) -> dict[str, str]:
    method: AuthenticationMethod = request.oidc.provider.second_factors[name]
    return {**_name(user), "factor": method.label}


def _tell(
    request: Request, user: User, event: str, details: dict[str, object], *sentences: str
) -> None:
    told = OAuthEvent(request, event, {"user_id": user.id, **details})
    request.oidc.database.after_commit(announce, told)
    send_notice(request, user, "factors", _("Your second factors"), *sentences)
