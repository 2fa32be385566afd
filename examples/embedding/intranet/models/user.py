"""The application's own table of users."""

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from intranet.models.meta import Base

HASHER = PasswordHasher()


class User(Base):
    """An employee."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    full_name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, default="staff")
    password_hash: Mapped[str] = mapped_column(Text, default="")

    def set_password(self, password: str) -> None:
        """Store the hash of a password."""
        self.password_hash = HASHER.hash(password)

    def check_password(self, password: str) -> bool:
        """Say whether this is the password."""
        try:
            return HASHER.verify(self.password_hash, password)
        except VerificationError:
            return False
