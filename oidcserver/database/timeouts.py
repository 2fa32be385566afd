"""Timeouts for PostgreSQL: every wait ends, and its thread is free again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection

from oidcserver.settings import seconds
from oidcserver.types import Configurator, Provider

#: Name, default and what it is for.
SETTINGS = (
    (
        "oidcserver.database_connect_timeout",
        5,
        "How long connecting to PostgreSQL may take: a host that does not answer is noticed, and "
        "the next of the URL is tried.",
    ),
    (
        "oidcserver.database_statement_timeout",
        10,
        "How long PostgreSQL may work on a statement. None of ours takes a second: one that takes "
        "longer shows an overload, to which it would add.",
    ),
    (
        "oidcserver.database_lock_timeout",
        5,
        "How long a statement waits for a row that another request of PostgreSQL changes, such as "
        "one whose process hangs.",
    ),
    (
        "oidcserver.database_answer_timeout",
        15,
        "How long the server waits for PostgreSQL's answer where the network loses it, and how "
        "long a transaction may be idle before PostgreSQL ends it. Choose more than "
        "oidcserver.database_statement_timeout.",
    ),
)


class Timeouts(NamedTuple):
    """Seconds; see the settings of the same names."""

    connect: int = 5
    statement: int = 10
    lock: int = 5
    answer: int = 15

    @property
    def options(self) -> str:
        """The limits that the server itself keeps, as options of its command line.

        Without the last a connection that the network lost would hold its locks for two hours.
        """
        limits = {
            "statement_timeout": self.statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": self.answer,
        }
        return " ".join(f"-c {name}={value}s" for name, value in limits.items())

    @property
    def parameters(self) -> dict[str, Any]:
        """The limits that libpq keeps.

        A host that vanished is found by what it does not acknowledge and, while there is nothing
        to acknowledge, by the keepalives.
        """
        return {
            "connect_timeout": self.connect,
            "tcp_user_timeout": self.answer * 1000,
            "keepalives_idle": self.answer,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }


DEFAULT = Timeouts()


def add_settings(config: Configurator) -> None:
    """Add the settings."""
    for name, default, why in SETTINGS:
        config.add_oauth_setting(name, seconds, default, why)


def read_timeouts(provider: Provider) -> Timeouts:
    """Return the timeouts of the ini."""
    return Timeouts(*(provider.settings[name] for name, _, _ in SETTINGS))


@contextmanager
def without_timeouts(connection: Connection) -> Iterator[None]:
    """Let the transaction of a connection to PostgreSQL take its time, as a migration may."""
    driver: Any = connection.connection.driver_connection
    patience, driver.patience = driver.patience, None
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {name} = 0")
    try:
        yield
    finally:
        driver.patience = patience
