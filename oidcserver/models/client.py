"""Clients (RFC 7591): their metadata and secrets.

:mod:`oidcserver.models.client_document` keeps those that publish their metadata themselves.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, Text, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.database import AtomicWrite, Read, Statements
from oidcserver.models.base import Base, ClientIdentifier, Digest, Identifier, Json, Time
from oidcserver.models.registered_client import RegisteredClient

DAY = 86400


@dataclass(frozen=True, slots=True)
class ClientRecord(RegisteredClient):
    """A row of :class:`Client`."""

    client_id: str
    client_metadata: dict[str, Any]
    owner_id: str | None
    secret_digest: str | None
    secret_sealed: str | None
    secret_expires_at: int
    previous_secret_digest: str | None
    previous_secret_sealed: str | None
    previous_secret_expires_at: int
    client_id_issued_at: int
    updated_at: int
    resource_server: bool
    self_registered: bool
    allowed_groups: list[str] | None
    skip_consent: bool
    access_token_format: str | None
    last_used_at: int | None
    registration_token_digest: str | None
    document_expires_at: int | None
    document_usable_until: int | None


class Client(RegisteredClient, Base):
    """A registered client, or one that publishes its metadata at the URL that is its client_id.

    ``client_metadata`` holds every member by its own name.

    A secret is kept as a digest. Where the server must read it back (``client_secret_jwt``,
    HS256 ID tokens), it is also kept sealed under a key that is not in the database. The secret
    before the last rotation goes on working until ``previous_secret_expires_at``.
    """

    __tablename__ = "client"
    __record__ = ClientRecord

    client_id: Mapped[str] = mapped_column(
        ClientIdentifier, primary_key=True, default=new_identifier
    )
    client_metadata: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    owner_id: Mapped[str | None] = mapped_column(Identifier, index=True)
    secret_digest: Mapped[str | None] = mapped_column(Digest)
    secret_sealed: Mapped[str | None] = mapped_column(Text)
    secret_expires_at: Mapped[int] = mapped_column(Time, default=0)
    previous_secret_digest: Mapped[str | None] = mapped_column(Digest)
    previous_secret_sealed: Mapped[str | None] = mapped_column(Text)
    previous_secret_expires_at: Mapped[int] = mapped_column(Time, default=0)
    client_id_issued_at: Mapped[int] = mapped_column(Time, default=clock.now)
    updated_at: Mapped[int] = mapped_column(Time, default=clock.now, onupdate=clock.now)
    #: A resource server: may introspect the tokens of every client (RFC 7662 section 4).
    resource_server: Mapped[bool] = mapped_column(default=False)
    #: The client registered itself, without an initial access token or a software statement that
    #: says who it is, so it is not trusted.
    self_registered: Mapped[bool] = mapped_column(default=False)
    #: The groups whose members may use the client; None: every user may.
    allowed_groups: Mapped[list[str] | None] = mapped_column(Json)
    #: The client is the operator's own: users are not asked for consent.
    skip_consent: Mapped[bool] = mapped_column(default=False)
    access_token_format: Mapped[str | None] = mapped_column(String(32))
    #: When a client that registered itself, with a token or without, or by its document, was
    #: registered or last used (noted once a day). None for all others, which are never pruned.
    last_used_at: Mapped[int | None] = mapped_column(Time, index=True)
    #: The digest of the token by which the client manages its registration (RFC 7592), or None.
    registration_token_digest: Mapped[str | None] = mapped_column(Digest)
    #: When the document of the client has to be fetched again; None for a registered client.
    document_expires_at: Mapped[int | None] = mapped_column(Time, index=True)
    #: The end of the time in which the document is used although its host does not answer.
    document_usable_until: Mapped[int | None] = mapped_column(Time)


_BY_ID = Read(select(Client).where(Client.client_id == bindparam("client_id")), together=True)


def find_client(database: Statements, client_id: str) -> ClientRecord | None:
    """Return a client."""
    row = database.read(_BY_ID, client_id=client_id)
    client: ClientRecord | None = None if row is None else row[0]
    return client


#: Deletes a client and all its authorizations, while it has that registration access
#: token. It takes ``ended_client`` and ``ended_token``.
END_REGISTRATION = AtomicWrite(
    delete(Client)
    .where(
        Client.client_id == bindparam("ended_client"),
        Client.registration_token_digest == bindparam("ended_token"),
    )
    .returning(Client.client_id)
)


def noting_use(condition: Any) -> Any:
    """Return the statement that records the use of a client, as a part of an atomic write.

    Its values are those of :func:`use`.
    """
    return (
        update(Client)
        .where(
            Client.client_id == bindparam("used_id"),
            Client.last_used_at < bindparam("used_now"),
            condition,
        )
        # updated_at is for changes of the registration.
        .values(last_used_at=bindparam("used_now"), updated_at=Client.updated_at)
    )


def use(client_id: str, last_used_at: int | None) -> dict[str, Any] | None:
    """Return the values of :func:`noting_use`; None if the use need not be recorded yet.

    :param last_used_at: the last recorded use; None for a client whose use is not recorded.
    """
    now = clock.now()
    if last_used_at is None or last_used_at > now - DAY:
        return None
    return {"used_id": client_id, "used_now": now}
