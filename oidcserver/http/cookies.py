"""Our cookies: host-bound, never readable by scripts, and not sent along by other sites."""

from pyramid.response import Response

from oidcserver.types import Request

#: Seconds. Browsers keep no cookie for longer than 400 days (RFC 6265bis section 5.5).
MAX_AGE = 400 * 86400


def read_cookie(request: Request, name: str) -> str | None:
    """Return the value that the browser sent."""
    value: str | None = request.cookies.get(request.oidc.provider.cookie_name(name))
    return value


def set_cookie(request: Request, name: str, value: str | None, max_age: int | None = None) -> None:
    """Set a cookie on the response of this request; None removes it.

    :param max_age: seconds; None: until the browser is closed.
    """

    def on_response(request: Request, response: Response) -> None:
        write_cookie(request, response, name, value, max_age)

    request.add_response_callback(on_response)


def write_cookie(
    request: Request, response: Response, name: str, value: str | None, max_age: int | None = None
) -> None:
    """Set a cookie on a response, as :func:`set_cookie` does."""
    provider = request.oidc.provider
    response.set_cookie(
        provider.cookie_name(name),
        value,
        max_age=max_age,
        path="/",
        secure=provider.secure,
        httponly=True,
        samesite="Lax",
    )
