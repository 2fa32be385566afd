"""Records rejections with a reference: a structured log line, and a row for ``explain-error``."""

import json
import logging
import secrets
import threading
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from oidcserver import clock
from oidcserver.models.rejection import store_rejection
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.redaction import redact, redact_text
from oidcserver.types import Registry, Request

log = logging.getLogger("oidcserver.rejections")

#: Errors that are a usual part of a protocol, after which the client repeats its request. Recording
#: them would hide the others.
USUAL = frozenset({"use_dpop_nonce", "authorization_pending", "slow_down"})
#: Letters that are not confused with others and make no words (RFC 8628 section 6.1).
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
#: A description may have a sentence for each part of a request.
MAX_DESCRIPTION = 500


class Budget:
    """Counts the entries that this process writes in a minute, so that they can be limited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._used = 0

    def use(self) -> int:
        """Count one entry; return the number in this minute."""
        with self._lock:
            minute = clock.now() // 60
            if minute != self._minute:
                self._minute, self._used = minute, 0
            self._used += 1
            return self._used


def new_reference() -> str:
    """Return a reference that is easy to read out: 43 bits as ``XXXXX-XXXXX``."""
    letters = [secrets.choice(ALPHABET) for _ in range(10)]
    return "".join(letters[:5]) + "-" + "".join(letters[5:])


def record_rejection(request: Request, rejection: Rejection, client_id: str | None) -> str:
    """Log a rejection and store it in the database; return its reference.

    The row is written in its own transaction, after that of the request has committed. If this
    fails, the answer stays the same. A request that aborts leaves only the log line.

    :param client_id: the client, or the client_id of the request, which may be any text.
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
