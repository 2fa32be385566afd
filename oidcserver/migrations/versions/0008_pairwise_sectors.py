"""Sectors of https hosts only: clients with other redirect URIs keep their pairwise subjects.

The sector of a client with a custom scheme or a loopback address was the host of that URI, which
any application may name. It is now the client itself. Its users keep their subjects where it was
the only client of the sector. Where others shared the sector, they get new ones, since nothing says
whose the old ones are.
"""

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CLIENT = sa.table("client", sa.column("client_id"), sa.column("client_metadata", sa.JSON))
SUBJECT = sa.table("pairwise_subject", sa.column("sector", sa.String))


def upgrade() -> None:
    """Move subjects from the host to the client."""
    for former, present in _moves():
        _move(former, present)


def downgrade() -> None:
    """Move them back."""
    for former, present in _moves():
        _move(present, former)


def _move(source: str, target: str) -> None:
    op.execute(sa.update(SUBJECT).where(SUBJECT.c.sector == source).values(sector=target))


def _moves() -> Iterator[tuple[str, str]]:
    """Return the former and the present sector of each client that changed it alone."""
    sectors: defaultdict[str, set[str]] = defaultdict(set)
    for client_id, metadata in op.get_bind().execute(sa.select(CLIENT)):
        if metadata.get("subject_type") == "pairwise":
            sectors[_former(client_id, metadata)].add(_present(client_id, metadata))
    for former, present in sectors.items():
        if len(present) == 1 and present != {former}:
            yield former, present.pop()


def _uris(metadata: dict[str, Any]) -> list[str]:
    document = metadata.get("sector_identifier_uri")
    return [document] if document else list(metadata.get("redirect_uris") or ())


def _former(client_id: str, metadata: dict[str, Any]) -> str:
    hosts = (urlsplit(uri).hostname for uri in _uris(metadata))
    return next((host for host in hosts if host), client_id)


def _present(client_id: str, metadata: dict[str, Any]) -> str:
    hosts = {_https_host(uri) for uri in _uris(metadata)}
    host = hosts.pop() if len(hosts) == 1 else None
    return host or client_id


def _https_host(uri: str) -> str | None:
    parts = urlsplit(uri)
    host = parts.hostname or ""
    return host if parts.scheme == "https" and host and not _is_loopback(host) else None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
