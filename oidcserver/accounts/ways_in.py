"""The ways to sign in to an account, the last of which is not removed.

A password, a passkey, a link to an upstream and mail are ways in; a code that follows a password is
not. Before one is removed, the row of the account is locked, so that of two last ways at once one
stays.
"""

from oidcserver.accounts.directories import DemoDirectory
from oidcserver.mailboxes import verified_address_key
from oidcserver.models import UpstreamLink, User
from oidcserver.models.passkey import passkeys_of
from oidcserver.models.upstream import links_of
from oidcserver.models.user import LOCAL
from oidcserver.types import Provider, Request


def counts(provider: Provider, link: UpstreamLink) -> bool:
    """Whether a link can be used: the ini selects its upstream, with that issuer."""
    upstream = provider.upstreams.get(link.upstream)
    return upstream is not None and upstream.is_issuer(link.issuer)


def usable_links(request: Request, user_id: str) -> list[UpstreamLink]:
    """Return the links of an account that can be used."""
    provider, dbsession = request.oidc.provider, request.oidc.dbsession
    return [it for it in links_of(dbsession, user_id) if counts(provider, it)]


def passkeys_and_links(request: Request, user_id: str) -> set[str]:
    """Return the identifiers of the passkeys (``credential_id``) and links that can be used."""
    links = {it.id for it in usable_links(request, user_id)}
    if "passkey" not in request.oidc.provider.second_factors:
        return links
    return links | {it.credential_id for it in passkeys_of(request.oidc.dbsession, user_id)}


def lock_account(request: Request, user_id: str) -> User:
    """Lock the row of an account and return it."""
    return request.oidc.dbsession.get_one(User, user_id, with_for_update=True)


def is_last_way_in(request: Request, user: User, identifier: str) -> bool:
    """Whether an account could not be signed in to without a passkey or a link.

    :param identifier: that of the passkey or of the link.
    """
    return not _has_way_in(request, user, without={identifier})


def has_way_in(request: Request, user: User) -> bool:
    """Whether an account can be signed in to at all."""
    return _has_way_in(request, user, without=set())


def _has_way_in(request: Request, user: User, without: set[str]) -> bool:
    provider = request.oidc.provider
    if has_password(provider, user) or _gets_mail(provider, user):
        return True
    return bool(passkeys_and_links(request, user.id) - without)


def _gets_mail(provider: Provider, user: User) -> bool:
    return "email_link" in provider.first_factors and verified_address_key(user.claims) is not None


def has_password(provider: Provider, user: User) -> bool:
    """Whether the selected user directory checks a password of the user."""
    if user.realm != provider.realm:
        return False
    own = provider.realm == LOCAL and not isinstance(provider.user_directory, DemoDirectory)
    return user.password_hash is not None if own else True
