"""A third party's package: a page at which who is signed in reaches a stronger class."""

from typing import Any

from pyramid.response import Response

from oidcserver.oidc.acr import decline_acr
from oidcserver.views.suspended import go_on, open_row, read_request

ACR = "urn:example:two-factors"


def show(request: Any) -> Response:
    return Response(
        '<form id="code" method="post"><input name="code">'
        f'<input name="csrf_token" value="{request.oidc.csrf_token}"></form>'
    )


def submit(request: Any) -> Response:
    asking = read_request(request)
    assert asking is not None
    reference, row = open_row(asking)
    if request.POST["code"] == "123456":
        user = request.oidc.login_session.user
        session = request.oidc.sign_in(user, acr=ACR, amr=("pwd", "otp", "mfa"))
        assert session is not None
    else:
        decline_acr(row, ACR)
    return go_on(request, reference)


def register(config: Any) -> None:
    config.add_route("second_factor", "/second-factor")
    config.add_view(show, route_name="second_factor", request_method="GET")
    config.add_view(submit, route_name="second_factor", request_method="POST")


def includeme(config: Any) -> None:
    config.add_oauth_page("second_factor", register)
    config.add_acr_value(ACR, "second_factor")
