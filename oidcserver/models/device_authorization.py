"""Device authorizations (RFC 8628): requests that a user decides on with another device.

Neither code is stored. The device code has full entropy, so its digest is safe. The user code is
short: its digest is keyed, and the code itself is sealed, to be shown again to the user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, String, Text, bindparam, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.database import AtomicWrite, Read, Statements
from oidcserver.database.writes import insert_if_new
from oidcserver.models.authorization import Authorization, AuthorizationRecord
from oidcserver.models.base import Base, Digest, Identifier, Json, Time, Words
from oidcserver.models.user import User, UserRecord

#: Seconds that are added to the interval of a device that polls too often (RFC 8628 section 3.5).
SLOW_DOWN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class DeviceAuthorizationRecord:
    """The part of a row of :class:`DeviceAuthorization` that answers the device."""

    id: str
    client_id: str
    expires_at: int
    poll_interval: int
    polled_at: int | None
    decided_at: int | None
    authorization_id: str | None
    used_at: int | None


class DeviceAuthorization(Base):
    """A request of a device, and the decision of the user.

    Only the user who entered the user code, ``claimed_by``, sees it and decides. It is approved if
    it has an authorization.
    """

    __tablename__ = "device_authorization"
    __record__ = DeviceAuthorizationRecord

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    device_code_digest: Mapped[str] = mapped_column(Digest, unique=True)
    user_code_digest: Mapped[str] = mapped_column(Digest, unique=True)
    user_code_sealed: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.client_id", ondelete="CASCADE"))
    #: The request's parameters, by name, each a list of values.
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    #: The network address and the User-Agent of the device.
    remote_address: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(Words, default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: Seconds between two polls.
    poll_interval: Mapped[int] = mapped_column(Time)
    polled_at: Mapped[int | None] = mapped_column(Time)
    claimed_by: Mapped[str | None] = mapped_column(Identifier)
    decided_at: Mapped[int | None] = mapped_column(Time)
    #: No foreign key: SQLite would check it before the same transaction inserts the authorization.
    authorization_id: Mapped[str | None] = mapped_column(Identifier)
    used_at: Mapped[int | None] = mapped_column(Time)


#: Decides against a row whose user code another one has.
STORE = AtomicWrite(insert_if_new(DeviceAuthorization))

_BY_DEVICE_CODE = Read(
    select(DeviceAuthorization).where(DeviceAuthorization.device_code_digest == bindparam("digest"))
)
_APPROVAL = Read(
    select(Authorization, User)
    .join(User, User.id == Authorization.user_id)
    .where(Authorization.id == bindparam("authorization_id"))
)


class Approval(NamedTuple):
    """The authorization that a user gave, and the user."""

    authorization: AuthorizationRecord
    user: UserRecord


def find_device_authorization(
    database: Statements, device_code: str
) -> DeviceAuthorizationRecord | None:
    """Return the request of a device code, live or not."""
    row = database.read(_BY_DEVICE_CODE, digest=digest(device_code))
    found: DeviceAuthorizationRecord | None = None if row is None else row[0]
    return found


def find_approval(database: Statements, authorization_id: str) -> Approval | None:
    """Return an authorization and its user, revoked and disabled or not."""
    row = database.read(_APPROVAL, authorization_id=authorization_id)
    return None if row is None else Approval(*row)


#: Takes ``digest``, ``client`` and ``now``.
REDEEM = AtomicWrite(
    update(DeviceAuthorization)
    .where(
        DeviceAuthorization.device_code_digest == bindparam("digest"),
        DeviceAuthorization.client_id == bindparam("client"),
        DeviceAuthorization.authorization_id.is_not(None),
        DeviceAuthorization.used_at.is_(None),
        DeviceAuthorization.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"))
    .returning(DeviceAuthorization.id)
)

_NOTE_POLL = AtomicWrite(
    update(DeviceAuthorization)
    .where(DeviceAuthorization.id == bindparam("polled_id"))
    .values(
        polled_at=bindparam("polled_now"),
        poll_interval=DeviceAuthorization.poll_interval + bindparam("added_seconds", type_=Time),
    )
    .returning(DeviceAuthorization.id)
)


def note_poll(database: Statements, row_id: str, now: int, added_seconds: int) -> None:
    """Record a poll, and add seconds to the interval for all polls that follow."""
    database.write(_NOTE_POLL, polled_id=row_id, polled_now=now, added_seconds=added_seconds)


def _live(*conditions: Any) -> Any:
    """Return the update of an undecided request that has not expired."""
    return (
        update(DeviceAuthorization)
        .where(
            DeviceAuthorization.decided_at.is_(None),
            DeviceAuthorization.expires_at > clock.now(),
            *conditions,
        )
        .returning(DeviceAuthorization.id)
        .execution_options(synchronize_session=False)
    )


def claim_device_authorization(
    dbsession: Session, user_code_digests: Sequence[str], user_id: str
) -> str | None:
    """Claim the request of a user code for a user; return its identifier.

    None if there is none that waits for a decision, or another user claimed it.
    """
    by_code = DeviceAuthorization.user_code_digest.in_(user_code_digests)
    claimed_by = DeviceAuthorization.claimed_by
    statement = _live(by_code, or_(claimed_by.is_(None), claimed_by == user_id))
    row_id: str | None = dbsession.scalar(statement.values(claimed_by=user_id))
    return row_id


def release_device_authorization(dbsession: Session, row_id: str, user_id: str) -> bool:
    """Undo the claim of a user; return whether the user could still decide."""
    claim = (DeviceAuthorization.id == row_id, DeviceAuthorization.claimed_by == user_id)
    return dbsession.scalar(_live(*claim).values(claimed_by=None)) is not None


def decide_device_authorization(
    dbsession: Session, row_id: str, user_id: str, authorization_id: str | None
) -> bool:
    """Store the decision of the user who claimed a request; None denies.

    Of several decisions at once, one gets True.
    """
    claim = (DeviceAuthorization.id == row_id, DeviceAuthorization.claimed_by == user_id)
    statement = _live(*claim).values(decided_at=clock.now(), authorization_id=authorization_id)
    return dbsession.scalar(statement) is not None
