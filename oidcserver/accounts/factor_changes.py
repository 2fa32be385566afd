"""The consequences of a change of second factors: the event, the mail, the forgotten devices."""

from collections.abc import Sequence

from sqlalchemy import delete

from oidcserver.accounts.notices import send_notice
from oidcserver.accounts.second_factors import factors_of, is_required_of
from oidcserver.interfaces import User
from oidcserver.interfaces.authentication import AuthenticationMethod
from oidcserver.models import RecoveryCode
from oidcserver.models.remembered_device import forget_devices
from oidcserver.models.second_factor import count_recovery_codes
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
        _("A second factor was added: ${name}", _label(request, name)),
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
    consequences: Sequence[str] = ()
    if not factors_of(request, user):
        consequences = without_factors(request, user)
        request.oidc.dbsession.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    _tell(
        request,
        user,
        "factor_removed",
        {"method": name},
        _("A second factor was removed: ${name}", _label(request, name)),
        _(
            "A second factor of the account ${name} was removed: ${factor}.",
            _names(request, user, name),
        ),
        *consequences,
    )


def is_last_factor(request: Request, user: User, method: AuthenticationMethod) -> bool:
    """Whether a user has no other factor than those of a method."""
    return not any(it.counts and it is not method for it in factors_of(request, user).values())


def without_factors(request: Request, user: User) -> Sequence[str]:
    """Return sentences that say what it means for a user to lose the last factor."""
    sentences = []
    if not is_required_of(request, user):
        sentences.append(
            _("Without a second factor, one step, such as the password, is enough to sign in.")
        )
    if count_recovery_codes(request.oidc.dbsession, user.id):
        sentences.append(_("The recovery codes are deleted with the last second factor."))
    return sentences


def recovery_codes_made(request: Request, user: User) -> None:
    """Tell that a user has new recovery codes, in the place of the earlier ones."""
    sentence = _("New recovery codes were created for the account ${name}.", _name(user))
    subject = _("New recovery codes were created")
    _tell(request, user, "recovery_codes_made", {}, subject, sentence)


def recovery_code_used(request: Request, user: User, left: int) -> None:
    """Tell that a recovery code was used.

    :param left: how many the user has left.
    """
    used = _("A recovery code of the account ${name} was used.", _name(user))
    still = Counted("${count} code is left.", "${count} codes are left.", left)
    subject = _("A recovery code was used as the second factor")
    _tell(request, user, "recovery_code_used", {"left": left}, subject, used, still)


def _name(user: User) -> dict[str, str]:
    return {"name": user.username}


def _label(request: Request, name: str) -> dict[str, str]:
    method: AuthenticationMethod = request.oidc.provider.second_factors[name]
    return {"name": method.label}


def _names(request: Request, user: User, name: str) -> dict[str, str]:
    return {**_name(user), "factor": _label(request, name)["name"]}


def _tell(
    request: Request,
    user: User,
    event: str,
    details: dict[str, object],
    subject: str,
    *sentences: str,
) -> None:
    told = OAuthEvent(request, event, {"user_id": user.id, **details})
    request.oidc.database.after_commit(announce, told)
    send_notice(request, user, "factors", subject, *sentences)
