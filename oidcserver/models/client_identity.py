"""Changes of a client after which it is another one for its users."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.models.authorization import Authorization
from oidcserver.models.authorization_code import AuthorizationCode
from oidcserver.models.consent import Consent

#: Members by which users recognise a client, or which decide who gets what they allow. After such a
#: change the users are asked again.
IDENTITY = (
    "client_name", "client_uri", "logo_uri", "redirect_uris", "jwks", "jwks_uri",
    "token_endpoint_auth_method", "token_endpoint_auth_methods_supported",
)  # fmt: skip


def is_another(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the metadata of a client changed in such a way."""
    return any(before.get(name) != after.get(name) for name in IDENTITY)


def ask_again(dbsession: Session, client_id: str) -> None:
    """Forget that users do not want to be asked; what they allowed stays."""
    dbsession.execute(
        update(Consent)
        .where(Consent.client_id == client_id, Consent.remembered)
        .values(
            remembered=False,
            remembered_scope="",
            remembered_claims="",
            remembered_resources=None,
            updated_at=Consent.updated_at,
        )
        .execution_options(synchronize_session=False)
    )


def end_grants_elsewhere(
    dbsession: Session, client_id: str, may_redirect_to: Callable[[str], bool]
) -> None:
    """End what was granted to redirect URIs that a client does not have any more."""
    live = (
        select(AuthorizationCode.redirect_uri)
        .join(Authorization, Authorization.id == AuthorizationCode.authorization_id)
        .where(
            AuthorizationCode.client_id == client_id,
            AuthorizationCode.redirect_uri.is_not(None),
            Authorization.revoked_at.is_(None),
        )
        .distinct()
    )
    dropped = [uri for uri in dbsession.scalars(live) if uri and not may_redirect_to(uri)]
    if not dropped:
        return
    granted = select(AuthorizationCode.authorization_id).where(
        AuthorizationCode.client_id == client_id, AuthorizationCode.redirect_uri.in_(dropped)
    )
    dbsession.execute(
        update(Authorization)
        .where(Authorization.id.in_(granted), Authorization.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session=False)
    )
