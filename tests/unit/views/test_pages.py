"""Pages that tell the user to try again later."""

import pytest
from pyramid.response import Response

from oidcserver.accounts.passwords import Busy
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.views.pages import try_later


def page(error: str, status: int) -> Response:
    return Response(getattr(error, "interpolate", lambda: error)(), status=status)


@pytest.mark.parametrize(
    ("problem", "status"),
    [(TooManyAttempts(90), 429), (Busy(90), 503), (DirectoryUnavailable(retry_after=90), 503)],
)
def test_a_limit_is_429_and_a_busy_server_503(
    problem: TooManyAttempts | Busy | DirectoryUnavailable, status: int
) -> None:
    response = try_later(problem, page)
    assert response.status_int == status
    assert response.headers["Retry-After"] == "90"
    assert response.text.startswith("Please try again in")
    assert try_later(problem, page, "Later.").text == "Later."
