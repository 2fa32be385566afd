"""Users."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from precis_i18n import get_profile
from sqlalchemy import (
    ColumnElement,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column, validates

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.database import Read, Statements
from oidcserver.interfaces import MAX_DIRECTORY_TEXT
from oidcserver.mailboxes import MAX_LENGTH, normalise_address, verified_address_key
from oidcserver.models.base import Base, Identifier, Json, Time

#: The realm of the users whom no other directory knows.
LOCAL = "local"
#: The longest user name in characters, that of an email address (RFC 5321 section 4.5.3.1.3).
MAX_USERNAME = 254
#: Normalising may make a name longer.
MAX_USERNAME_KEY = 255

_PROFILE = get_profile("UsernameCaseMapped")


def normalise_username(username: str) -> str:
    """Return the form in which two spellings of one name are equal.

    Each part of the name is in the form of the profile UsernameCaseMapped (RFC 8265 section 3.3),
    and one space stands between two parts (section 3.5). Names that the profile rejects are
    mapped by the same rules, because such names may exist and anybody may enter one.

    A name that is an address has the same form. Only lower case and width are mapped, so ``ß`` is
    not ``ss``, and no account is linked because of its name.
    """
    return " ".join(map(_normalise_part, username.split()))


def username_problem(username: str) -> str | None:
    """Return why a new user cannot have that name, as a sentence, or None."""
    parts = username.split()
    if not parts or len(username) > MAX_USERNAME:
        return f"A user name has 1 to {MAX_USERNAME} characters."
    try:
        key = " ".join(_PROFILE.enforce(part) for part in parts)
    except UnicodeEncodeError as problem:
        character = problem.object[problem.start : problem.end]
        return f"A user name cannot hold {character!r} (RFC 8265 section 3.3)."
    if len(key) > MAX_USERNAME_KEY:
        return "The user name is too long."
    return None


def _normalise_part(part: str) -> str:
    try:
        return str(_PROFILE.enforce(part))
    except UnicodeEncodeError:
        mapped = "".join(map(_of_usual_width, part))
        return unicodedata.normalize("NFC", mapped.lower())


def _of_usual_width(character: str) -> str:
    """Map full-width and half-width characters to their usual forms (RFC 8265 section 3.3.2)."""
    other_width = unicodedata.decomposition(character).startswith(("<wide>", "<narrow>"))
    return unicodedata.normalize("NFKC", character) if other_width else character


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A row of :class:`User`, without the password's hash."""

    id: str
    realm: str
    external_id: str
    username: str
    username_key: str
    claims: dict[str, Any]
    created_at: int
    updated_at: int
    disabled_at: int | None
    left_at: int | None
    generation: int

    @property
    def may_sign_in(self) -> bool:
        """Whether the account is not disabled, and its directory knows the user."""
        return self.disabled_at is None and self.left_at is None


def _own_id(context: Any) -> str:
    identifier: str = context.get_current_parameters()["id"]
    return identifier


class User(Base):
    """The account of a user. ``id`` is the public subject identifier.

    ``realm`` and ``external_id`` name the user in the directory that the account belongs to. The
    users of the realm ``local`` are these rows themselves.
    """

    __tablename__ = "user_account"
    __record__ = UserRecord
    __table_args__ = (
        UniqueConstraint("realm", "external_id"),
        Index("ix_user_account_realm_checked_at", "realm", "checked_at"),
    )

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    realm: Mapped[str] = mapped_column(String(255), default=LOCAL)
    external_id: Mapped[str] = mapped_column(String(MAX_DIRECTORY_TEXT), default=_own_id)
    username: Mapped[str] = mapped_column(String(255))
    username_key: Mapped[str] = mapped_column(String(MAX_USERNAME_KEY), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    claims: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    #: The verified address of the claims in its normalised form, to find the user by.
    address_key: Mapped[str | None] = mapped_column(String(MAX_LENGTH), index=True)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    updated_at: Mapped[int] = mapped_column(Time, default=clock.now, onupdate=clock.now)
    disabled_at: Mapped[int | None] = mapped_column(Time)
    #: When the directory was found not to let the user sign in any more.
    left_at: Mapped[int | None] = mapped_column(Time)
    #: Grows when all sessions and tokens of the user end: a sign-in that began before is void.
    generation: Mapped[int] = mapped_column(default=0)
    #: When the directory was last asked whether the user may still sign in.
    checked_at: Mapped[int | None] = mapped_column(Time)

    def __init__(self, username: str, **columns: Any) -> None:
        super().__init__(**columns)
        self.rename(username)

    def rename(self, username: str) -> None:
        """Set the name and its normalised form."""
        self.username, self.username_key = username.strip(), normalise_username(username)

    @hybrid_property
    def may_sign_in(self) -> bool:
        """Whether the account is not disabled, and its directory knows the user."""
        return self.disabled_at is None and self.left_at is None

    @may_sign_in.inplace.expression
    @classmethod
    def _may_sign_in(cls) -> ColumnElement[bool]:
        return and_(cls.disabled_at.is_(None), cls.left_at.is_(None))

    @validates("claims")
    def _find_by_verified_address(self, name: str, claims: dict[str, Any]) -> dict[str, Any]:
        self.address_key = verified_address_key(claims)
        return claims


def lock_generation(dbsession: Session, user: Any) -> bool:
    """Return whether an account is of the generation in which it was read, and may sign in.

    Its row is locked: the end of all its sessions and tokens waits for the transaction, and then
    finds what it wrote.

    :param user: an account (:class:`oidcserver.interfaces.User`).
    """
    unchanged = (
        select(User.id)
        .where(User.id == user.id, User.generation == user.generation, User.may_sign_in)
        .with_for_update(read=True)
    )
    return dbsession.scalar(unchanged) is not None


def begin_generation(dbsession: Session, user_id: str, *conditions: Any) -> bool:
    """Void every sign-in of a user that is under way, mailed links, and remembered devices.

    :param conditions: on the row of the account.
    :returns: whether the account meets the conditions.
    """
    statement = (
        update(User)
        .where(User.id == user_id, *conditions)
        .values(generation=User.generation + 1, updated_at=User.updated_at)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None


def begin_generation_after(dbsession: Session, user: Any) -> bool:
    """Begin the generation after that in which an account was read.

    :param user: an account (:class:`oidcserver.interfaces.User`).
    :returns: False if another one has begun meanwhile, or the user may not sign in.
    """
    unchanged = (User.generation == user.generation, User.may_sign_in)
    return begin_generation(dbsession, user.id, *unchanged)


def note_left(dbsession: Session, user_id: str, now: int) -> None:
    """Let a user sign in no more by any way, until the directory knows the user again."""
    dbsession.execute(
        update(User)
        .where(User.id == user_id)
        .values(left_at=now, updated_at=User.updated_at)
        .execution_options(synchronize_session=False)
    )


_BY_EXTERNAL_ID = Read(
    select(User).where(
        User.realm == bindparam("realm"), User.external_id == bindparam("external_id")
    )
)
_BY_NAME = Read(select(User).where(User.username_key == bindparam("username_key")))


def read_user(database: Statements, username: str) -> UserRecord | None:
    """Return the user of that name, disabled or not, to be read only."""
    row = database.read(_BY_NAME, username_key=normalise_username(username))
    user: UserRecord | None = None if row is None else row[0]
    return user


def read_account(database: Statements, realm: str, external_id: str) -> UserRecord | None:
    """Return the account of a user of a directory, disabled or not, to be read only."""
    row = database.read(_BY_EXTERNAL_ID, realm=realm, external_id=external_id)
    account: UserRecord | None = None if row is None else row[0]
    return account


def find_user(dbsession: Session, username: str) -> User | None:
    """Return the row of the user of that name, disabled or not."""
    statement = select(User).where(User.username_key == normalise_username(username))
    return dbsession.scalars(statement).one_or_none()


def add_if_free(dbsession: Session, user: User) -> bool:
    """Insert the row of a new user; return False where another account has the name."""
    try:
        with dbsession.begin_nested():
            dbsession.add(user)
    except IntegrityError:
        return False
    return True


def rename_if_free(dbsession: Session, user: User, username: str) -> bool:
    """Change the name of a user; return False where another account has it."""
    try:
        with dbsession.begin_nested():
            user.rename(username)
    except IntegrityError:
        return False
    return True


def find_users_by_address(dbsession: Session, address: str) -> Sequence[User]:
    """Return the users of the realm ``local`` with that verified address, disabled or not.

    :raises ValueError: if it is no address.
    """
    found = (User.realm == LOCAL, User.address_key == normalise_address(address))
    return dbsession.scalars(select(User).where(*found).order_by(User.created_at, User.id)).all()
