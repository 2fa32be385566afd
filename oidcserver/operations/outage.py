"""The log while the database is down: one line for each failed request, up to a limit."""

import logging

from oidcserver.oauth.rejections import new_reference
from oidcserver.operations.schema import reason
from oidcserver.types import Registry

log = logging.getLogger(__name__)

#: How many lines a process writes in a minute: enough to see which requests an outage affects.
LINES_PER_MINUTE = 60


def log_outage(registry: Registry, what: str, problem: BaseException) -> str:
    """Log that the database could not serve a request, in one line; return its reference.

    :param what: what is wrong, of :func:`oidcserver.database.outage.outage`.
    """
    reference = new_reference()
    used = registry.oidc.outage_budget.use()
    if used <= LINES_PER_MINUTE:
        log.error("%s, reference %s: %s", what, reference, reason(problem))
    if used == LINES_PER_MINUTE:
        log.error("further failures of this minute are not logged")
    return reference
