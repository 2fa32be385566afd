"""Rejections under a reference: one structured log line, and a row for ``explain-error``."""

import json
import logging
import secrets
import threading
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from oidcserver import clock
from oidcserver.models.rejection import store_rejection
from oidcserver.oauth.redaction import redact, redact_text
from oidcserver.types import Registry, Request

log = logging.getLogger("oidcserver.rejections")

#: Letters that cannot be taken for another, nor make words (RFC 8628 section 6.1).
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
#: A description may have a sentence for each part of a request.
MAX_DESCRIPTION = 500


class Budget:
    """Counts what this process writes in a minute, so that it can be limited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._used = 0

    def use(self) -> int:
        """Use one; return how many were used in this minute, this one included."""
        with self._lock:
            minute = clock.now() // 60
            if minute != self._minute:
                self._minute, self._used = minute, 0
            self._used += 1
            return self._used


def new_reference() -> str:
    """Return a reference that a person can read out: 43 bits as ``XXXXX-XXXXX``."""
    letters = [secrets.choice(ALPHABET) for _ in range(10)]
    return "".join(letters[:5]) + "-" + "".join(letters[5:])


def record_rejection(request: Request, rejection: Any, client_id: str | None) -> str:
    """Log a rejection and keep it in the database; return its reference.

    Nothing that goes wrong with the row changes the answer: it is written after the request's
    transaction has committed, in one of its own. A request that aborts leaves only the log line.

    :param rejection: has ``error``, ``description``, ``rule`` and ``received``.
    :param client_id: the client, or what the request says it is; any text.
    """
    route = request.matched_route
    columns: dict[str, Any] = {
        "reference": new_reference(),
        "endpoint": redact_text(route.name, 64) if route is not None else "",
        "client_id": redact_text(client_id) if client_id else None,
        "error": redact_text(rejection.error, 64),
        "description": redact_text(rejection.description, MAX_DESCRIPTION),
        "rule": redact_text(rejection.rule),
        "received": redact(rejection.received),
    }
    log.info("rejected %s", json.dumps({**columns, "remote_address": request.remote_addr}))
    registry = request.registry
    limit = registry.oidc.provider.settings["oidcserver.rejection_rows_per_minute"]
    if registry.oidc.rejection_budget.use() <= limit:
        columns["created_at"] = clock.now()
        request.oidc.database.after_commit(_keep, registry, columns)
    return str(columns["reference"])


def _keep(registry: Registry, columns: dict[str, Any]) -> None:
    try:
        store_rejection(registry.oidc.database, **columns)
    except SQLAlchemyError as problem:
        reason = getattr(problem, "orig", problem)
        log.warning("rejection %s is in the log only: %r", columns["reference"], reason)
