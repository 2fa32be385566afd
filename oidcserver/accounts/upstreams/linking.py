"""The account of a user of an upstream: by a link, by a verified address, or a new one.

The user is known by issuer and ``sub`` alone (OpenID Connect Core section 5.7).
"""

from collections.abc import Mapping
from typing import Any

from oidcserver.accounts.notices import send_notice
from oidcserver.accounts.upstreams.exchange import Identity
from oidcserver.accounts.upstreams.groups import refresh_groups
from oidcserver.accounts.ways_in import is_last_way_in, lock_account
from oidcserver.credentials import new_identifier
from oidcserver.database.statements import insert_once
from oidcserver.interfaces import User as AccountUser
from oidcserver.interfaces.upstream import NONE, VERIFIED_EMAIL, Upstream
from oidcserver.mailboxes import address_key, verified_address_key
from oidcserver.models import UpstreamLink, User
from oidcserver.models.upstream import find_link
from oidcserver.models.user import (
    LOCAL,
    add_if_free,
    find_users_by_address,
    lock_generation,
    normalise_username,
    username_problem,
)
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oidc.claim_types import claim_problem
from oidcserver.oidc.languages import plain_name
from oidcserver.texts import _
from oidcserver.types import Provider, Request

MAX_SHOWN = 200


class NoAccount(Exception):
    """There is no account that the user may sign in to.

    :param notice: the message of the login page.
    """

    def __init__(self, notice: str) -> None:
        super().__init__(notice)
        self.notice = notice


def account_of_identity(request: Request, identity: Identity) -> User:
    """Return the account of a user of an upstream; make or link it where the policy says so.

    :raises NoAccount: if there is none.
    """
    dbsession = request.oidc.dbsession
    link = find_link(dbsession, identity.upstream.name, identity.issuer, identity.subject)
    if link is not None:
        link.last_used_at = request.oidc.now
        refresh_groups(request, identity, link.id)
        return dbsession.get_one(User, link.user_id)
    claims = own_claims(request.oidc.provider, identity)
    address = verified_address_key(claims)
    owners = find_users_by_address(dbsession, address) if address is not None else ()
    if owners:
        alone = len(owners) == 1 and owners[0].may_sign_in
        by_address = identity.upstream.linking == VERIFIED_EMAIL and alone
        if by_address and link_identity(request, identity, owners[0]):
            return owners[0]
        raise NoAccount("upstream_known")
    if not identity.upstream.allow_registration:
        raise NoAccount("upstream_unknown")
    return _new_account(request, identity, claims)


def link_identity(request: Request, identity: Identity, user: AccountUser) -> bool:
    """Link a user of an upstream to an existing account, and mail that to its user.

    :returns: False if either has another link there, or if all sessions of the user were ended
        since the account was read.
    """
    if not _add_link(request, identity, user):
        return False
    sentence = _(
        "The account ${name} was connected to ${upstream}. You can sign in with it.",
        {"name": user.username, "upstream": identity.upstream.label},
    )
    send_notice(request, user, "connections", _("Connected accounts"), sentence)
    return True


def _add_link(request: Request, identity: Identity, user: AccountUser) -> bool:
    if not lock_generation(request.oidc.dbsession, user):
        return False
    shown = next(
        (
            value
            for name in ("email", "preferred_username", "name")
            if isinstance(value := identity.claims.get(name), str) and value
        ),
        identity.subject,
    )
    link_id = new_identifier()
    linked = insert_once(
        request.oidc.dbsession,
        UpstreamLink,
        id=link_id,
        upstream=identity.upstream.name,
        issuer=identity.issuer,
        subject=identity.subject,
        user_id=user.id,
        shown_as=shown[:MAX_SHOWN],
        created_at=request.oidc.now,
        last_used_at=request.oidc.now,
    )
    if linked:
        refresh_groups(request, identity, link_id)
        details = {"user_id": user.id, "upstream": identity.upstream.name}
        request.oidc.database.after_commit(
            announce, OAuthEvent(request, "upstream_linked", details)
        )
    return linked


def own_claims(provider: Provider, identity: Identity) -> dict[str, Any]:
    """Return the claims that the ini maps, by the names that they have here.

    Claims of a wrong type are left out, so ``email_verified`` is a truth value or nothing. So are
    an address to which no mail can be sent, and ``email_verified`` with it.
    """
    found = {}
    for name, theirs in identity.upstream.claims.items():
        value = identity.claims.get(theirs)
        if value in (None, "", [], {}):
            continue
        if claim_problem(provider, plain_name(name), value) is None:
            found[name] = value
    if address_key(found.get("email", "")) is None:
        found.pop("email", None)
        found.pop("email_verified", None)
    return found


def _new_account(request: Request, identity: Identity, claims: Mapping[str, Any]) -> User:
    dbsession = request.oidc.dbsession
    user = User(_username(request, identity, claims), claims=dict(claims))
    if not add_if_free(dbsession, user):
        user = User(_own_name(identity), claims=dict(claims))
        dbsession.add(user)
        dbsession.flush()
    if not _add_link(request, identity, user):
        # Another request of the same user was faster; this one leaves nothing.
        dbsession.delete(user)
        dbsession.flush()
        raise NoAccount("upstream")
    details = {"user_id": user.id, "upstream": identity.upstream.name}
    request.oidc.database.after_commit(announce, OAuthEvent(request, "user_registered", details))
    return user


def _username(request: Request, identity: Identity, claims: Mapping[str, Any]) -> str:
    """Return the name of a new user: that of the claim, if it is no address of another.

    Where another directory names users, which may not have signed in yet, no name is free. Neither
    is that of an administrator.
    """
    given = identity.claims.get(identity.upstream.username_claim)
    name = given.strip() if isinstance(given, str) else ""
    address = verified_address_key(claims)
    # The form of user names makes some different mailboxes equal, such as those in full width.
    proven = address is not None and address_key(normalise_username(name)) == address
    provider = request.oidc.provider
    reserved = {normalise_username(it) for it in provider.settings["oidc.administrators"]}
    free = provider.realm == LOCAL and normalise_username(name) not in reserved
    usable = free and username_problem(name) is None and ("@" not in name or proven)
    return name if usable else _own_name(identity)


def _own_name(identity: Identity) -> str:
    return f"{identity.upstream.name}-{new_identifier()}"


def may_link(upstream: Upstream) -> bool:
    """Whether a signed-in user may link an account to a user of an upstream."""
    return upstream.linking != NONE


class LastWayIn(Exception):
    """The user could not sign in any more without the link."""


def unlink(request: Request, user_id: str, link_id: str) -> bool:
    """Remove a link of an account; return False if the account has no such link.

    The row of the account is locked, so that of two last ways at once one stays.

    :raises LastWayIn: if the account has no other way in.
    """
    dbsession = request.oidc.dbsession
    user = lock_account(request, user_id)
    link = dbsession.get(UpstreamLink, link_id)
    if link is None or link.user_id != user.id:
        return False
    if is_last_way_in(request, user, link.id):
        raise LastWayIn
    dbsession.delete(link)
    details = {"user_id": user.id, "upstream": link.upstream}
    request.oidc.database.after_commit(announce, OAuthEvent(request, "upstream_unlinked", details))
    upstream = request.oidc.provider.upstreams.get(link.upstream)
    sentence = _(
        "The account ${name} was disconnected from ${upstream}. You can no longer sign in with it.",
        {"name": user.username, "upstream": upstream.label if upstream else link.upstream},
    )
    send_notice(request, user, "connections", _("Connected accounts"), sentence)
    return True
