"""The authorization that an ID token tells of, which does not name it."""

from typing import NamedTuple

from sqlalchemy import bindparam, or_, select

from oidcserver.database import Read, Statements
from oidcserver.models.authorization import Authorization, AuthorizationRecord
from oidcserver.models.pairwise_subject import PairwiseSubject
from oidcserver.models.user import User, UserRecord


class AuthorizationOfSubject(NamedTuple):
    """A live authorization and its user."""

    authorization: AuthorizationRecord
    user: UserRecord


# By the user, whose authorizations have an index, rather than by the client, which may have very
# many.
_pairwise = select(PairwiseSubject.user_id).where(PairwiseSubject.subject == bindparam("subject"))
_LATEST = Read(
    select(Authorization, User)
    .join(User, User.id == Authorization.user_id)
    .where(
        or_(User.id == bindparam("subject"), User.id.in_(_pairwise)),
        User.may_sign_in,
        Authorization.client_id == bindparam("client"),
        Authorization.subject == bindparam("subject"),
        Authorization.auth_time == bindparam("auth_time"),
        Authorization.created_at <= bindparam("issued_at"),
        Authorization.revoked_at.is_(None),
        Authorization.expires_at > bindparam("now"),
    )
    .order_by(Authorization.created_at.desc())
    .limit(1)
)


def find_authorization_of_subject(
    database: Statements, client_id: str, subject: str, auth_time: int, issued_at: int, now: int
) -> AuthorizationOfSubject | None:
    """Return the latest live authorization that a user gave a client after one sign-in.

    :param issued_at: of the ID token, which tells of no later authorization.
    """
    row = database.read(
        _LATEST,
        client=client_id,
        subject=subject,
        auth_time=auth_time,
        issued_at=issued_at,
        now=now,
    )
    return None if row is None else AuthorizationOfSubject(*row)
