"""People."""

import unicodedata
from typing import Any

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.models.base import Base, Identifier, Json, Time


def normalise_username(username: str) -> str:
    """Return the form in which two spellings of one name are equal (RFC 8265 section 3.3)."""
    return unicodedata.normalize("NFC", username.strip().casefold())


class User(Base):
    """A person who can sign in. ``id`` is the public subject identifier."""

    __tablename__ = "user_account"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    username: Mapped[str] = mapped_column(String(255))
    username_key: Mapped[str] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    claims: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    updated_at: Mapped[int] = mapped_column(Time, default=clock.now, onupdate=clock.now)
    disabled_at: Mapped[int | None] = mapped_column(Time)

    def __init__(self, username: str, **columns: Any) -> None:
        super().__init__(
            username=username.strip(), username_key=normalise_username(username), **columns
        )


def find_user(dbsession: Session, username: str) -> User | None:
    """Return the person of that name, disabled or not."""
    statement = select(User).where(User.username_key == normalise_username(username))
    return dbsession.scalars(statement).one_or_none()
