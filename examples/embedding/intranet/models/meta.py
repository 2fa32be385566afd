"""The base of the models."""

from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """A table of the intranet."""
