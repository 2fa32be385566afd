"""The tween that gives every response of the provider its protective headers.

A header that a view set itself stays as it is. Cross-Origin-Opener-Policy is not set: it would
cut the link between a login page and the application that opened it in a pop-up window.
"""

from pyramid.response import Response

from oidcserver.types import Handler, Provider, Registry, Request

#: One year (RFC 6797), for this host only: its subdomains may belong to others.
STRICT_TRANSPORT_SECURITY = "max-age=31536000"

PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(),"
    " payment=(), usb=()"
)


def protective_headers(provider: Provider) -> dict[str, str]:
    """Return the headers that every response has."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    if provider.secure:
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
    return headers


def headers_tween_factory(handler: Handler, registry: Registry) -> Handler:
    """Make the tween; it belongs above the exception views, whose pages need the headers too."""
    provider = registry.oidc.provider
    protection = [
        (name, name.lower(), value) for name, value in protective_headers(provider).items()
    ]

    def headers_tween(request: Request) -> Response:
        response = handler(request)
        if provider.embedded and not _is_ours(request, provider):
            return response
        if response.content_type == "text/html":
            _protect_page(request, response)
        present = {name.lower() for name, _ in response.headerlist}
        for name, key, value in protection:
            if key not in present:
                response.headerlist.append((name, value))
        return response

    return headers_tween


def _is_ours(request: Request, provider: Provider) -> bool:
    return request.matched_route is not None and request.matched_route.name in provider.route_names


def _protect_page(request: Request, response: Response) -> None:
    policy = request.oidc.content_security_policy
    response.headers.setdefault("Content-Security-Policy", str(policy))
    if policy.forbids_frames:
        response.headers.setdefault("X-Frame-Options", "DENY")
    # Not no-referrer: a form of that page would be sent with "Origin: null" (Fetch, "append a
    # request Origin header"), also to ourselves, and be rejected. Others learn no more by this.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
