"""Backchannel authentication requests (CIBA), from the request to the tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, String, Text, bindparam, case, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest
from oidcserver.database import AtomicWrite, Read, Statements
from oidcserver.models.authorization import Authorization, AuthorizationRecord
from oidcserver.models.base import Base, Digest, Json, Time, Words
from oidcserver.models.client import Client
from oidcserver.models.user import User, UserRecord

#: The grant type that redeems a request.
#: Seconds by which the interval grows where a client polls too fast (CIBA section 11).
SLOWER = 5
#: The longest binding message in characters.
MAX_BINDING_MESSAGE = 64


@dataclass(frozen=True, slots=True)
class BackchannelRequestRecord:
    """The parts of a row of :class:`BackchannelRequest` that a poll needs."""

    client_id: str
    next_poll_at: int
    expires_at: int
    decided_at: int | None
    authorization_id: str | None
    used_at: int | None


class BackchannelRequest(Base):
    """A request that one user has to decide on, by the digest of its ``auth_req_id``.

    It is open until it is decided or expires. An approved one has an authorization, a denied one
    has none.
    """

    __tablename__ = "backchannel_request"
    __record__ = BackchannelRequestRecord

    request_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), index=True
    )
    #: The user whom the hint names; nobody else decides.
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    scope: Mapped[str] = mapped_column(Words)
    claims_request: Mapped[dict[str, Any] | None] = mapped_column(Json)
    #: The resources and the authorization details that were requested (RFC 8707, RFC 9396).
    resources: Mapped[list[str] | None] = mapped_column(Json)
    authorization_details: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    binding_message: Mapped[str | None] = mapped_column(String(MAX_BINDING_MESSAGE))
    #: The address that the request came from.
    remote_address: Mapped[str] = mapped_column(String(64), default="")
    #: ``auth_req_id`` and ``client_notification_token``, sealed, in ping mode.
    ping_sealed: Mapped[str | None] = mapped_column(Text)
    #: Seconds between two polls, and the time before which a poll is too fast.
    poll_interval: Mapped[int]
    next_poll_at: Mapped[int] = mapped_column(Time, default=clock.now)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    decided_at: Mapped[int | None] = mapped_column(Time)
    authorization_id: Mapped[str | None] = mapped_column(
        ForeignKey("authorization.id", ondelete="CASCADE"), index=True
    )
    used_at: Mapped[int | None] = mapped_column(Time)


class FoundBackchannelRequest(NamedTuple):
    """A request with its user, and with its authorization if it was approved."""

    request: BackchannelRequestRecord
    user: UserRecord
    authorization: AuthorizationRecord | None


_BY_DIGEST = Read(
    select(BackchannelRequest, User)
    .join(User, User.id == BackchannelRequest.user_id)
    .where(BackchannelRequest.request_digest == bindparam("digest"))
)
_AUTHORIZATION = Read(select(Authorization).where(Authorization.id == bindparam("id")))


def find_backchannel_request(
    database: Statements, auth_req_id: str
) -> FoundBackchannelRequest | None:
    """Return a request, whatever became of it, with its user and its authorization."""
    row = database.read(_BY_DIGEST, digest=digest(auth_req_id))
    if row is None:
        return None
    request, user = row
    if request.authorization_id is None:
        return FoundBackchannelRequest(request, user, None)
    [authorization] = database.read(_AUTHORIZATION, id=request.authorization_id) or [None]
    return FoundBackchannelRequest(request, user, authorization)


_NOW = bindparam("polled_now", type_=Time)
_PAUSE = BackchannelRequest.poll_interval + case(
    (BackchannelRequest.next_poll_at > _NOW, SLOWER), else_=0
)
_POLL = AtomicWrite(
    update(BackchannelRequest)
    .where(BackchannelRequest.request_digest == bindparam("polled_digest"))
    .values(poll_interval=_PAUSE, next_poll_at=_NOW + _PAUSE)
    .returning(BackchannelRequest.request_digest)
)


def count_poll(database: Statements, auth_req_id: str) -> None:
    """Set the time of the next poll; after a poll that is too fast the interval is longer."""
    database.write(_POLL, polled_digest=digest(auth_req_id), polled_now=clock.now())


#: Uses an approved request up. It takes ``digest``, ``client`` and ``now``.
REDEEM = AtomicWrite(
    update(BackchannelRequest)
    .where(
        BackchannelRequest.request_digest == bindparam("digest"),
        BackchannelRequest.client_id == bindparam("client"),
        BackchannelRequest.authorization_id.is_not(None),
        BackchannelRequest.used_at.is_(None),
        BackchannelRequest.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"))
    .returning(BackchannelRequest.request_digest)
)


def open_requests(dbsession: Session, user_id: str) -> Sequence[tuple[BackchannelRequest, Client]]:
    """Return the open requests to a user with their clients, the oldest first."""
    statement = (
        select(BackchannelRequest, Client)
        .join(Client, Client.client_id == BackchannelRequest.client_id)
        .where(*_open(user_id))
        .order_by(BackchannelRequest.created_at, BackchannelRequest.request_digest)
    )
    rows: Sequence[tuple[BackchannelRequest, Client]] = dbsession.execute(statement).all()
    return rows


def add_backchannel_request(dbsession: Session, request: BackchannelRequest, most: int) -> int:
    """Add a request, unless the user has too many open ones; one at a time for each user.

    :param most: the number of open requests that a user may have.
    :returns: 0, or the seconds after which one of the open requests expires.
    """
    user = select(User.id).where(User.id == request.user_id).with_for_update()
    dbsession.execute(user)
    ends = select(BackchannelRequest.expires_at).where(*_open(request.user_id))
    expiries = sorted(dbsession.scalars(ends))
    if len(expiries) >= most:
        return expiries[0] - clock.now()
    dbsession.add(request)
    dbsession.flush()
    return 0


def decide_backchannel_request(dbsession: Session, request_digest: str, user_id: str) -> bool:
    """Decide on an open request of a user. Of several decisions at once, one gets True.

    The caller sets ``authorization_id`` in the same transaction if the user approves.
    """
    statement = (
        update(BackchannelRequest)
        .where(BackchannelRequest.request_digest == request_digest, *_open(user_id))
        .values(decided_at=clock.now())
        .returning(BackchannelRequest.request_digest)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None


def _open(user_id: str) -> tuple[Any, ...]:
    return (
        BackchannelRequest.user_id == user_id,
        BackchannelRequest.decided_at.is_(None),
        BackchannelRequest.expires_at > clock.now(),
    )
