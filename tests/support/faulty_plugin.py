"""A third party's package whose parts fail when a test says so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyramid.response import Response

from oidcserver.oauth.events import OAuthEvent

#: The parts that fail now: ``subscriber``, ``claims source``, and steps by flow and place.
FAILING: set[str] = set()


class Failure(Exception):
    """Raised by the part that fails."""


@contextmanager
def failing(part: str) -> Iterator[None]:
    """Let a part fail within the ``with`` statement."""
    FAILING.add(part)
    try:
        yield
    finally:
        FAILING.discard(part)


def fail_if(part: str) -> None:
    """Fail if the test wants this part to."""
    if part in FAILING:
        raise Failure(part)


def subscriber(event: OAuthEvent) -> None:
    fail_if("subscriber")


def source(request: Any, user: Any, names: frozenset[str]) -> Mapping[str, Any]:
    fail_if("claims source")
    return {"badge": "B-7"}


def includeme(config: Any) -> None:
    config.add_subscriber(subscriber, OAuthEvent)
    config.add_claims_source("badges", source, {"badge": "See your badge"})
    config.add_scope("badge", "See your badge", ("badge",))
    for flow in ("token", "revocation", "authorization"):

        def before(_: Any, flow: str = flow) -> Response | None:
            fail_if("step before the commit")
            return None

        def after(_: Any, flow: str = flow) -> Response | None:
            fail_if("step after the commit")
            return None

        config.add_oauth_step(flow, "fails_before", before, before="commit")
        config.add_oauth_step(flow, "fails_after", after, after="commit")
