"""The second factor ``recovery_codes``: codes on paper, for the case that the app is lost."""

import secrets

from pyramid.response import Response
from sqlalchemy import delete, select

from oidcserver.accounts.factor_changes import recovery_code_used, recovery_codes_made
from oidcserver.accounts.second_factors import factors_of
from oidcserver.credentials import digest
from oidcserver.interfaces import User
from oidcserver.models import RecoveryCode
from oidcserver.models import User as UserRow
from oidcserver.models.second_factor import count_recovery_codes, use_recovery_code
from oidcserver.models.user import lock_generation
from oidcserver.oauth.responses import NO_STORE, see_other
from oidcserver.texts import _, with_ascii_digits
from oidcserver.types import Configurator, Request
from oidcserver.views.code_factor import CodePage
from oidcserver.views.factors import may_set_up, to_factors
from oidcserver.views.pages import render

NAME, PURPOSE = "recovery_codes", "recovery code"
CODES, LENGTH = 10, 10
#: Without characters that are mistaken for others; 10 of them have 49 bits.
CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class RecoveryCodesMethod:
    """Ten codes, each of which works once."""

    label = _("Recovery code")
    amr = ("otp",)
    counts = False
    route_name = "oidc.recovery_code"
    setup_route_name = "oidc.recovery_codes_setup"

    def enrolled(self, request: Request, user: User) -> bool:
        """Whether the user has codes left."""
        return count_recovery_codes(request.oidc.dbsession, user.id) > 0

    def register(self, config: Configurator) -> None:
        """Add the pages."""
        for name, pattern, shown, sent in (
            (self.route_name, "/login/recovery-code", ask_code, submit_code),
            (self.setup_route_name, "/account/recovery-codes", show, submit),
        ):
            config.add_oidc_route(name, pattern)
            config.add_oidc_view(shown, route_name=name, request_method="GET")
            config.add_oidc_view(sent, route_name=name, request_method="POST")


METHOD = RecoveryCodesMethod()


def use_code(request: Request, user: User, code: str) -> bool:
    """Use a code up.

    The row of the account is locked first, as where new codes are made: in another order the two
    would deadlock.
    """
    if not lock_generation(request.oidc.dbsession, user):
        return False
    digests = request.oidc.provider.sealer(PURPOSE).digests(_plain(user.id, code))
    if not use_recovery_code(request.oidc.dbsession, user.id, digests):
        return False
    left = count_recovery_codes(request.oidc.dbsession, user.id)
    recovery_code_used(request, user, left)
    return True


PAGE = CodePage(METHOD, _("Enter one of the recovery codes that you wrote down."), False, use_code)


def ask_code(request: Request) -> Response:
    """Ask for a code during a sign-in."""
    return PAGE.show(request)


def submit_code(request: Request) -> Response:
    """Check the code, and go on."""
    return PAGE.submit(request)


def show(request: Request) -> Response:
    """Ask before new codes replace the old ones."""
    begun = may_set_up(request)
    if isinstance(begun, Response):
        return begun
    return _page(request, begun.user)


def submit(request: Request) -> Response:
    """Make new codes and show them once; a reload does not make others."""
    begun = may_set_up(request)
    if isinstance(begun, Response):
        return begun
    user = begun.user
    if not factors_of(request, user):
        return to_factors(request)
    codes = ["".join(map(secrets.choice, [CHARACTERS] * LENGTH)) for _number in range(CODES)]
    dbsession, sealer = request.oidc.dbsession, request.oidc.provider.sealer(PURPOSE)
    # One at a time: of two at once, the codes of one are the user's.
    dbsession.get_one(UserRow, user.id, with_for_update=True)
    replaced = codes_version(request, user)
    if request.POST.get("version") != replaced:
        return see_other(request.oidc.url(METHOD.setup_route_name))
    dbsession.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    dbsession.add_all(
        RecoveryCode(user_id=user.id, code_digest=sealer.digests(_plain(user.id, code))[0])
        for code in codes
    )
    recovery_codes_made(request, user)
    shown = [f"{code[:5]}-{code[5:]}" for code in codes]
    response = _page(request, user, shown, replaced=bool(replaced))
    response.headerlist.extend(NO_STORE)
    return response


def _plain(user_id: str, code: str) -> str:
    return f"{user_id} {''.join(filter(str.isalnum, with_ascii_digits(code.lower())))}"


def codes_version(request: Request, user: User) -> str:
    """Return a text that changes with a user's codes and does not reveal them; empty: there are
    none."""
    own = select(RecoveryCode.code_digest).where(RecoveryCode.user_id == user.id)
    digests = sorted(request.oidc.dbsession.scalars(own))
    return digest(" ".join(digests))[:16] if digests else ""


def _page(
    request: Request, user: User, codes: list[str] | None = None, *, replaced: bool = False
) -> Response:
    values = {
        "codes": codes or [],
        "version": codes_version(request, user),
        "replaced": replaced,
    }
    return render(request, "recovery_codes", values)


def includeme(config: Configurator) -> None:
    """Offer the method."""
    config.add_authentication_method(NAME, METHOD)
