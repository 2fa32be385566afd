"""Rejections under a reference: one structured log line, and a row for ``explain-error``."""

import json
import logging
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from oidcserver import clock
from oidcserver.models import RecordedRejection

log = logging.getLogger(__name__)

#: Letters that cannot be taken for another.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
MAX_TEXT = 200
#: What may be a credential is never kept, whatever a plugin's rejection says that it received.
SECRET_WORDS = ("secret", "password", "token", "code", "assertion", "verifier", "cookie")


class RowBudget:
    """So many rows a minute in this process: beyond that, the log line has to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._used = 0

    def take(self, limit: int) -> bool:
        """Take one of ``limit`` rows of this minute, if one is left."""
        with self._lock:
            minute = clock.now() // 60
            if minute != self._minute:
                self._minute, self._used = minute, 0
            self._used += 1
            return self._used <= limit


def new_reference() -> str:
    """Return a reference that a person can read out: 43 bits as ``XXXXX-XXXXX``."""
    letters = [secrets.choice(ALPHABET) for _ in range(10)]
    return "".join(letters[:5]) + "-" + "".join(letters[5:])


def record_rejection(request: Any, rejection: Any, client_id: str | None) -> str:
    """Log a rejection and keep it in the request's transaction; return its reference.

    A rejection is returned and not raised, so that transaction commits.

    :param rejection: has ``error``, ``description``, ``rule``, ``received``, ``status_code``.
    """
    reference = new_reference()
    route = request.matched_route
    columns = {
        "endpoint": route.name if route is not None else "",
        "client_id": client_id[:MAX_TEXT] if client_id else None,
        "error": rejection.error,
        "description": rejection.description,
        "rule": rejection.rule,
        "received": {name: _shown(name, value) for name, value in rejection.received.items()},
    }
    line = {"reference": reference, "remote_address": request.remote_addr, **columns}
    log.info("rejected %s", json.dumps(line))
    limit = request.provider.settings["oidcserver.rejection_rows_per_minute"]
    if request.registry.rejection_budget.take(limit):
        request.dbsession.add(RecordedRejection(reference=reference, **columns))
    return reference


def _shown(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in SECRET_WORDS):
        return "(not kept)"
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(name, item) for item in list(value)[:20]]
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).replace("\0", "?")[:MAX_TEXT]
