"""The declarative base, the column types and the naming convention that alembic relies on."""

from typing import Any

from sqlalchemy import JSON, BigInteger, MetaData, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: A SHA-256 digest in hexadecimal.
Digest = String(64)
#: An identifier of our own making.
Identifier = String(64)
#: The identifier of a client: ours, or the URL of its document.
ClientIdentifier = String(255)
#: Seconds since the epoch.
Time = BigInteger()
#: A JSON value; binary on PostgreSQL. None is NULL, which is neither written nor read as JSON.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
#: Space-separated words of any length.
Words = Text()


class Base(DeclarativeBase):
    """Every table of the provider."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {dict[str, Any]: Json, list[str]: Json}
