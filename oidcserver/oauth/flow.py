"""The driver of flows: it runs the steps of an endpoint, which one table shows in order.

Steps before ``commit`` read, check and prepare; ``commit`` writes all that the request decides; the
steps after it never cost the client its answer. So whatever fails before the commit consumes
nothing.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.oauth.errors import Rejection, as_rejection
from oidcserver.oauth.outcome import Outcome
from oidcserver.types import Request

log = logging.getLogger(__name__)


class Flowing(Protocol):
    """The object that the steps of a flow take: it carries the findings of those before."""

    @property
    def request(self) -> Request: ...

    @property
    def outcome(self) -> Outcome: ...


class Responding(Flowing, Protocol):
    """The object of a flow that writes its response before the commit."""

    @property
    def response(self) -> Response | None: ...


F = TypeVar("F", bound=Flowing)


def run(flow: str, flowing: F, reject: Callable[[F, Rejection], Response]) -> Response:
    """Run a flow; return the response of the step that ends it.

    What a rejection entails, such as the end of a token family after reuse, is written then.

    :param reject: returns the response to a request that a step rejected.
    """
    try:
        response = run_steps(flow, flowing)
    except OAuth2Error as error:
        flowing.outcome.reject(flowing.request)
        return reject(flowing, as_rejection(error))
    assert response is not None, f"the last step of {flow} returns the response"
    return response


def run_steps(flow: str, flowing: Any, start: str | None = None) -> Response | None:
    """Run the steps of a flow in their order, until one returns a response.

    A step that fails after the commit is logged and left out: it does not undo what was written,
    so the client gets its answer.

    :param start: the name of the first step to run; by default all are run.
    :raises OAuth2Error: if a step rejects.
    """
    steps = flowing.request.oidc.provider.flows[flow]
    if start is not None:
        steps = steps[[step.name for step in steps].index(start) :]
    for step in steps:
        try:
            response: Response | None = step.run(flowing)
        except Exception:
            if not flowing.outcome.committed:
                raise
            log.exception("The step %s of the flow %s failed after the commit.", step.name, flow)
            continue
        if response is not None:
            return response
    return None
