"""Second factors: the users who need one, the factors of a user, and waiting sign-ins."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from oidcserver.accounts.known_browser import known_browser
from oidcserver.accounts.remembered_devices import remember_device
from oidcserver.credentials import PENDING_SIGN_IN, digest, new_credential
from oidcserver.http.cookies import read_cookie, set_cookie
from oidcserver.http.throttling import TooManyAttempts, clear, reset, take
from oidcserver.interfaces import DirectoryUnavailable, User
from oidcserver.interfaces.authentication import AuthenticationMethod
from oidcserver.models import PendingSignIn
from oidcserver.models import User as UserRow
from oidcserver.models.group import checked_group_name
from oidcserver.models.pending_sign_in import (
    find_late_user,
    find_pending_sign_in,
    use_pending_sign_in,
)
from oidcserver.models.upstream_session import attach
from oidcserver.models.user import normalise_username
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oidc.claims import all_groups
from oidcserver.plugins.selection import FIRST_FACTORS, SECOND_FACTORS
from oidcserver.settings import integer, lines, text, words
from oidcserver.types import Configurator, LoginSession, Registry, Request

COOKIE = "second_factor"
REQUIRED = "oidc.second_factor"
GROUPS = "oidc.second_factor_groups"
ATTEMPTS = "oidc.second_factor_attempts"
#: Seconds in which the second factor has to follow the first.
LIFETIME = 300
#: Seconds in which the browser remembers who took longer.
REMEMBERED = 3600


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in as far as it has come: it waits for a second factor, or is a session already."""

    user: User
    methods: tuple[str, ...]
    amr: tuple[str, ...]
    acr: str
    #: The row of the sign-in that waits; None for a session.
    pending: PendingSignIn | None
    #: The session; None for a sign-in that waits.
    session: LoginSession | None = None


def factors_of(request: Request, user: User) -> Mapping[str, AuthenticationMethod]:
    """Return the second factors that a user has set up; none if they are for emergencies alone."""
    found = {
        name: method
        for name, method in request.oidc.provider.second_factors.items()
        if method.enrolled(request, user)
    }
    return found if any(method.counts for method in found.values()) else {}


def second_factor_is_due(request: Request, user: User) -> bool:
    """Whether a sign-in with one factor has to go on with a second factor."""
    provider = request.oidc.provider
    if not provider.second_factors:
        return False
    return is_required_of(request, user) or bool(factors_of(request, user))


def is_required_of(request: Request, user: User) -> bool:
    """Whether a user needs a second factor, also without having set one up."""
    settings = request.oidc.provider.settings
    if settings[REQUIRED] != "groups":
        return bool(settings[REQUIRED] == "required")
    try:
        return not all_groups(request, user).isdisjoint(settings[GROUPS])
    except DirectoryUnavailable:
        return True  # the user may be a member


def factors_reaching(
    request: Request, begun: Begun, wanted: str
) -> Mapping[str, AuthenticationMethod]:
    """Return the selected second factors with each of which a sign-in reaches a class."""
    provider = request.oidc.provider
    policy = provider.acr_policy
    return {
        name: method
        for name, method in provider.second_factors.items()
        if policy.reaches(policy.class_of([*begun.methods, name]), wanted)
    }


def begin_pending(
    request: Request,
    user: User,
    amr: tuple[str, ...],
    methods: tuple[str, ...],
    upstream_session_id: str | None = None,
    auth_time: int | None = None,
) -> None:
    """Let the sign-in of a user wait for the second factor; this browser's session is unchanged.

    :param upstream_session_id: the sign-in at an upstream that was the first factor.
    :param auth_time: when that was; 0: not known.
    """
    token = new_credential(PENDING_SIGN_IN)
    request.oidc.dbsession.add(
        PendingSignIn(
            token_digest=digest(token),
            user_id=user.id,
            generation=user.generation,
            amr=list(amr),
            upstream_session_id=upstream_session_id,
            methods=list(methods),
            auth_time=auth_time,
            expires_at=request.oidc.now + LIFETIME,
        )
    )
    set_cookie(request, COOKIE, token, REMEMBERED)


def find_pending(request: Request) -> Begun | None:
    """Return the sign-in of this browser that waits."""
    token = read_cookie(request, COOKIE)
    pending = find_pending_sign_in(request.oidc.dbsession, token) if token else None
    if pending is None:
        return None
    user: UserRow = request.oidc.dbsession.get_one(UserRow, pending.user_id)
    if user.generation != pending.generation:
        return None  # all sessions and tokens of the user were ended meanwhile
    methods = tuple(pending.methods)
    acr = request.oidc.provider.acr_policy.class_of(methods)
    return Begun(user, methods, tuple(pending.amr), acr, pending)


def late_username(request: Request) -> str:
    """Return the name of the user whose sign-in in this browser waited too long; empty: of none."""
    token = read_cookie(request, COOKIE)
    user_id = find_late_user(request.oidc.dbsession, token) if token else None
    user = request.oidc.dbsession.get(UserRow, user_id) if user_id else None
    return "" if user is None else user.username


def find_begun(request: Request) -> Begun | None:
    """Return the sign-in of this browser that waits, or else its session."""
    waiting, session = find_pending(request), request.oidc.login_session
    return waiting if waiting is not None or session is None else begun_by(session)


def begun_by(session: LoginSession) -> Begun:
    """Return a session as a sign-in that a second factor can raise."""
    amr, methods = tuple(session.amr), tuple(session.methods)
    return Begun(session.user, methods, amr, session.acr, None, session)


def lacks_second_factor(request: Request, session: LoginSession) -> bool:
    """Whether a user who has second factors proved none of them at the sign-in.

    A remembered device has spared the user the second step, or the factor is newer than the
    sign-in.
    """
    return "mfa" not in session.amr and bool(factors_of(request, session.user))


def complete(
    request: Request,
    begun: Begun,
    method: AuthenticationMethod,
    amr: tuple[str, ...] | None = None,
    *,
    remember: bool = False,
) -> LoginSession | None:
    """Sign the user in who has just proven the second factor, or raise the class of the session.

    The session keeps its ``auth_time``, for the second factor alone is no new sign-in.

    :param begun: the sign-in of the user whose factor was proven.
    :param amr: how (RFC 8176); by default as the method says.
    :param remember: whether the user is not to be asked again in this browser.
    :returns: None if the sign-in that waited, or the session, is over.
    """
    if begun.pending is not None:
        if not use_pending_sign_in(request.oidc.dbsession, begun.pending):
            return None
        set_cookie(request, COOKIE, None)
    name = _name_of(request, method)
    session = request.oidc.sign_in(
        begun.user,
        amr=tuple(dict.fromkeys([*begun.amr, *(amr or method.amr), "mfa"])),
        methods=tuple(dict.fromkeys([*begun.methods, name])),
        auth_time=None if begun.pending is None else begun.pending.auth_time,
        step_up_of=begun.session,
    )
    if session is not None and begun.pending is not None and begun.pending.upstream_session_id:
        attach(request.oidc.dbsession, begun.pending.upstream_session_id, session.id)
    if session is not None and remember:
        remember_device(request, begun.user)
    return session


def forget_pending(request: Request) -> None:
    """End the sign-in of this browser that waits, if there is one."""
    waiting = find_pending(request)
    if waiting is not None and waiting.pending is not None:
        use_pending_sign_in(request.oidc.dbsession, waiting.pending)
        set_cookie(request, COOKIE, None)


def count_attempt(request: Request, user: User) -> None:
    """Count an attempt to prove a second factor of a user by a code, of whichever kind.

    The attempts of a browser in which the user signed in before count by themselves, so that a
    thief of the password cannot lock the user out there. This ends the transaction of the request,
    so that the attempt counts in any case; a new sign-in does not reset the count.

    :raises TooManyAttempts: over the limit.
    """
    user_id, key = user.id, _key(request, user)
    request.oidc.database.commit()
    settings, engine = request.oidc.provider.settings, request.oidc.database.alone.engine
    window = settings["oidc.login_window"]
    wait = take(engine, key, settings[ATTEMPTS], window, whose=_whose(user_id))
    if wait:
        announce(OAuthEvent(request, "second_factor_locked", {"user_id": user_id}))
        raise TooManyAttempts(wait)


def announce_failure(request: Request, user: User, method: AuthenticationMethod) -> None:
    """Announce that a user has not proven a second factor."""
    details = {"user_id": user.id, "method": _name_of(request, method)}
    event = OAuthEvent(request, "second_factor_failed", details)
    request.oidc.database.after_commit(announce, event)


def _name_of(request: Request, method: AuthenticationMethod) -> str:
    """Return the name of a method in the ini."""
    [name] = (name for name, it in request.oidc.provider.second_factors.items() if it is method)
    return name


def forget_attempts(request: Request, user: User) -> None:
    """Forget the attempts, after a success."""
    reset(request.oidc.dbsession, _key(request, user))


def unlock_codes(dbsession: Session, user_id: str) -> bool:
    """Forget the attempts of all browsers; return whether there were any.

    Only an operator may: else the thief of a mailbox could reset the count with each new password.
    """
    return clear(dbsession, _whose(user_id)) > 0


def _key(request: Request, user: User) -> str:
    browser = known_browser(request, normalise_username(user.username))
    return f"{_whose(user.id)} {browser or ''}"


def _whose(user_id: str) -> str:
    return f"second factor:{user_id}"


def _group_names(raw: str) -> tuple[str, ...]:
    """Return the names of groups as they are stored, each once; one stands in each line."""
    found = [(line, checked_group_name(line)) for line in lines(raw)]
    if wrong := [line for line, name in found if name is None]:
        raise ValueError(f"names of groups, one a line, not {wrong[0][:40]!r}")
    return tuple(dict.fromkeys(name for _, name in found if name is not None))


def _check(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    required, groups = provider.settings[REQUIRED], provider.settings[GROUPS]
    if required != "enrolled" and not any(it.counts for it in provider.second_factors.values()):
        return f"{REQUIRED} = {required}, but {SECOND_FACTORS} selects none."
    if required == "groups" and not groups:
        return f"{REQUIRED} = groups, but {GROUPS} names none."
    if groups and required != "groups":
        return f"{GROUPS} names groups, but {REQUIRED} = {required}: set it to groups."
    if provider.second_factors and "oidc.account" not in provider.route_names:
        return f"{SECOND_FACTORS} needs the page account in oidc.pages, where users set them up."
    return None


def includeme(config: Configurator) -> None:
    """Add the settings."""
    setting = config.add_oauth_setting
    setting(
        FIRST_FACTORS,
        words,
        (),
        "The ways to begin a sign-in that the login page offers besides the password, such as "
        "email_link.",
    )
    setting(SECOND_FACTORS, words, (), "The second factors that users may set up.")
    setting(
        REQUIRED,
        text,
        "enrolled",
        "Who needs a second factor: users who have set one up (enrolled); all users (required) or "
        "also the members of oidc.second_factor_groups (groups), who set one up at their next "
        "sign-in.",
        allowed=("enrolled", "required", "groups"),
    )
    setting(GROUPS, _group_names, (), "The groups whose members need a second factor, one a line.")
    setting(ATTEMPTS, integer, 10,
            "How many codes may be tried for a user within oidc.login_window; those of a browser "
            "in which the user signed in before count by themselves.")  # fmt: skip
    config.add_startup_check("second factors", _check)
