"""The home page, pages for users, and the pages of errors."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import (
    exception_view_config,
    forbidden_view_config,
    notfound_view_config,
    view_config,
)
from sqlalchemy import select

from intranet.models import User


@view_config(
    route_name="home",
    renderer="intranet:templates/home.jinja2",
    permission=NO_PERMISSION_REQUIRED,
)
def home(request: Any) -> dict[str, Any]:
    """Greet the user, and count the visits of the browser."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return {"user": request.identity, "visits": request.session["visits"]}


@view_config(route_name="staff", request_method="GET", renderer="intranet:templates/staff.jinja2")
def staff(request: Any) -> dict[str, Any]:
    """List the users, for users."""
    return {"users": request.dbsession.scalars(select(User).order_by(User.name)).all()}


@view_config(route_name="staff", request_method="POST")
def rename(request: Any) -> HTTPSeeOther:
    """Change one's own full name."""
    request.identity.full_name = request.POST["full_name"]
    return HTTPSeeOther(request.route_url("staff"))


@view_config(route_name="archive", permission=NO_PERMISSION_REQUIRED)
def archive(request: Any) -> Response:
    """Show the archive, whose path ends with a slash."""
    return Response("The archive is empty.")


@view_config(route_name="broken", permission=NO_PERMISSION_REQUIRED)
def broken(request: Any) -> Response:
    """Add a user, and fail."""
    request.dbsession.add(User(name="nobody", full_name="Nobody", email=""))
    request.dbsession.flush()
    raise RuntimeError("this page is broken")


@notfound_view_config(renderer="intranet:templates/notfound.jinja2", append_slash=True)
def notfound(request: Any) -> dict[str, Any]:
    """Say that there is no such page."""
    request.response.status = 404
    return {}


@forbidden_view_config()
def forbidden(request: Any) -> Response:
    """Send who is not signed in to the login page."""
    if request.identity is None and request.method == "GET":
        return HTTPSeeOther(request.route_url("login", _query={"next": request.path_qs}))
    return Response("The intranet does not allow that.", status=403)


@exception_view_config(Exception)
def error(problem: Exception, request: Any) -> Response:
    """Say that something went wrong."""
    return Response("The intranet has a problem.", status=500)
