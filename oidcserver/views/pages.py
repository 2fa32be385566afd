"""Rendering of pages, for all views."""

from collections.abc import Callable, Mapping
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.accounts.passwords import Busy
from oidcserver.http.throttling import TooManyAttempts, waiting_time
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.texts import _
from oidcserver.types import Request


def render(
    request: Request, template: str, values: Mapping[str, Any], status: int = 200
) -> Response:
    """Return the page of a template, which is named without directory and suffix."""
    name = f"oidcserver:templates/{template}.jinja2"
    response = render_to_response(name, dict(values), request=request)
    response.status_int = status
    return response


def try_later(
    problem: TooManyAttempts | Busy | DirectoryUnavailable,
    page: Callable[[str, int], Response],
    sentence: str = "",
) -> Response:
    """Return a page that tells the user to try again later, with ``Retry-After``.

    The status is 429 over a limit, and 503 where the server or a user directory is busy.

    :param page: makes the page of a sentence and a status.
    :param sentence: by default that the user should try again in some time.
    """
    wait = {"time": waiting_time(problem.retry_after)}
    status = 429 if isinstance(problem, TooManyAttempts) else 503
    response = page(sentence or _("Please try again in ${time}.", wait), status)
    response.headers["Retry-After"] = str(problem.retry_after)
    return response
