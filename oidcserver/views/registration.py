"""The page where a user makes an account (OpenID Connect Initiating User Registration 1.0).

The user's name is the address, which is verified before the account exists. The answer does not
tell whether there is an account with the address: its owner gets a mail that does.
"""

import json
from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.accounts.directories import passwords_problem
from oidcserver.accounts.mail_recipients import count_mail
from oidcserver.accounts.mailed_links import (
    MailWithLink,
    data_of,
    is_own_browser,
    send_links,
)
from oidcserver.accounts.new_passwords import password_problem
from oidcserver.accounts.passwords import Busy, hash_password
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces.letter import Letter
from oidcserver.mail import can_send
from oidcserver.mailboxes import address_problem
from oidcserver.models import MailedLink, User
from oidcserver.models.user import add_if_free, find_user, find_users_by_address, username_problem
from oidcserver.oauth.authorization_checks import REGISTER
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Configurator, Provider, Registry, Request
from oidcserver.views import mailed_links
from oidcserver.views.access import with_query
from oidcserver.views.pages import render, try_later
from oidcserver.views.second_factor import after_first_factor
from oidcserver.views.suspended import read_request, reject

PURPOSE = "register"
TAKEN = _("There is already an account with this address. Sign in, or reset your password.")


def show(request: Request) -> Response:
    """Show the form."""
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    return _page(request, asking)


def submit(request: Request) -> Response:
    """Check the form, and mail a link that completes the account, or a word to its owner."""
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    address, password = request.POST.get("address", "").strip(), request.POST.get("password", "")
    errors = _problems(request, address, password)
    if errors:
        return _page(request, asking, address=address, errors=errors, status=400)
    try:
        may_mail = count_mail(request, address)
        hashed = hash_password(password)
    except (TooManyAttempts, Busy) as problem:
        return try_later(
            problem,
            lambda error, status: _page(
                request, asking, address=address, errors={"": error}, status=status
            ),
        )
    taken = _is_taken(request, address)
    mail = MailWithLink(
        address,
        (lambda url, code: _owner_letter(request)) if taken else _letter,
        data="" if taken else json.dumps({"address": address, "password_hash": hashed}),
        mailed=may_mail,
    )
    send_links(request, PURPOSE, address, [mail])
    return see_other(with_query(request, mailed_links.ROUTE))


def _is_taken(request: Request, address: str) -> bool:
    """Whether an account has the address as its name or as its verified address."""
    dbsession = request.oidc.dbsession
    named = find_user(dbsession, address) is not None
    return named or bool(find_users_by_address(dbsession, address))


def _problems(request: Request, address: str, password: str) -> dict[str, str]:
    """Return a sentence for each field that has to be corrected."""
    errors = {}
    if address_problem(address) is not None or username_problem(address) is not None:
        errors["address"] = _("Enter your email address, such as ada@example.com.")
    context = (address, request.oidc.service_name)
    problem = password_problem(request.oidc.provider, password, context)
    if problem is not None:
        errors["password"] = problem
    return errors


def _letter(url: str, code: str) -> Letter:
    return Letter(
        PURPOSE,
        _("Confirm your email address"),
        (
            _(
                "An account is being created with this address. If you are creating it, confirm "
                "the address."
            ),
        ),
        link=(_("Confirm the address"), url),
        code=code,
        after=(
            _(
                "If you are not, ignore this email: no account is created without your "
                "confirmation."
            ),
        ),
    )


def _owner_letter(request: Request) -> Letter:
    return Letter(
        PURPOSE,
        _("You already have an account"),
        (_("A new account was requested with this address, but there already is one."),),
        link=(_("Sign in"), request.oidc.url("oidc.login")),
        after=(
            *_forgotten(request),
            _("If you did not request it, ignore this email: your account has not changed."),
        ),
    )


def _forgotten(request: Request) -> tuple[str, ...]:
    if "oidc.recover" not in request.oidc.provider.route_names:
        return ()
    return (_("If you forgot your password, choose “Forgot your password?” on that page."),)


def asks_password(request: Request, link: MailedLink) -> bool:
    """Whether the user chooses the password again: in another browser than that of the form.

    The owner of the address may not be the user who sent the form, and knows no password of others.
    """
    return not is_own_browser(request, link)


def address_of(request: Request, link: MailedLink) -> str:
    """Return the address of the new account."""
    address: str = json.loads(data_of(request, link) or "{}").get("address", "")
    return address


@dataclass(frozen=True, slots=True)
class Prepared:
    """The new account, and the authorization request of the browser where the form was sent.

    :param rejection: the reason why the request cannot go on. The account is made all the same.
    """

    address: str
    password_hash: str
    asking: AuthorizationRequest | None = None
    rejection: OAuth2Error | None = None


def prepare(request: Request, link: MailedLink) -> Prepared:
    """Return the account to be made."""
    data = json.loads(data_of(request, link) or "{}")
    if not data:
        raise mailed_links.NotYet(mailed_links.GONE)
    address = data["address"]
    if asks_password(request, link):
        return Prepared(address, mailed_links.chosen_password(request, address))
    try:
        return Prepared(address, data["password_hash"], read_request(request))
    except OAuth2Error as error:
        return Prepared(address, data["password_hash"], rejection=error)


def complete(request: Request, link: MailedLink, prepared: Prepared) -> Response:
    """Make the account, and sign the user in in the browser where the form was sent."""
    address = prepared.address
    user = User(
        address,
        password_hash=prepared.password_hash,
        claims={"email": address, "email_verified": True},
    )
    dbsession = request.oidc.dbsession
    if _is_taken(request, address) or not add_if_free(dbsession, user):
        return _page(request, prepared.asking, errors={"address": TAKEN}, status=400)
    request.oidc.database.after_commit(
        announce, OAuthEvent(request, "user_registered", {"user_id": user.id})
    )
    if prepared.rejection is not None:
        return reject(request, prepared.rejection)
    own = is_own_browser(request, link)
    response = after_first_factor(request, prepared.asking, user) if own else None
    # Where the mail was opened somewhere else, nobody is signed in there.
    return response or see_other(request.oidc.url("oidc.login", _query={"notice": "registered"}))


def _page(
    request: Request,
    asking: AuthorizationRequest | None,
    *,
    address: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    values = {
        "client": asking.client if asking is not None else None,
        "address": address,
        "errors": errors or {},
        "least": request.oidc.provider.settings["oidc.password_min_length"],
        "login_url": with_query(request, "oidc.login", existing="1"),
    }
    return render(request, "register", values, status)


def require_mail_and_passwords(route_name: str, page: str, registry: Registry) -> str | None:
    """Require what a page needs: mail that is sent or shown, and passwords that are kept here."""
    provider: Provider = registry.oidc.provider
    if route_name not in provider.route_names:
        return None
    if problem := passwords_problem(provider, f"oidc.pages selects {page}"):
        return problem
    if not can_send(provider):
        return f"oidc.pages selects {page}, which sends mail: set oidc.mail_url and oidc.mail_from."
    return None


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(REGISTER, "/register")
        config.add_oidc_view(show, route_name=REGISTER, request_method="GET")
        config.add_oidc_view(submit, route_name=REGISTER, request_method="POST")
        mailed_links.register_page(config)

    purpose = mailed_links.Purpose(
        _("Confirm your email address"),
        _("Create the account"),
        complete,
        prepare,
        new_password=asks_password,
        account=address_of,
        route_name=REGISTER,
    )
    config.add_oauth_offer(mailed_links.KIND, PURPOSE, purpose)
    config.add_oauth_page("register", register)
    config.add_server_metadata("prompt_values_supported", _prompt_values)
    config.add_startup_check(
        "registration page", lambda it: require_mail_and_passwords(REGISTER, "register", it)
    )


def _prompt_values(provider: Provider) -> list[str] | None:
    if REGISTER not in provider.route_names:
        return None
    return ["none", "login", "consent", "select_account", "create"]
