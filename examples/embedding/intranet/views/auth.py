"""Signing in and out, by the application's own pages."""

from typing import Any

from pyramid.csrf import new_csrf_token
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.security import NO_PERMISSION_REQUIRED, forget, remember
from pyramid.view import view_config

from intranet.directory import as_directory_user
from intranet.security import find_user


@view_config(
    route_name="login",
    renderer="intranet:templates/login.jinja2",
    permission=NO_PERMISSION_REQUIRED,
)
def login(request: Any) -> Any:
    """Ask for name and password; go to the page that the user wanted."""
    if request.method != "POST":
        return {"failed": False, "name": request.GET.get("login_hint", "")}
    user = find_user(request, request.POST.get("name", ""))
    if user is None or not user.check_password(request.POST.get("password", "")):
        request.response.status = 400
        return {"failed": True, "name": request.POST.get("name", "")}
    new_csrf_token(request)
    request.oidc.sign_in(as_directory_user(user))  # at the provider too
    return HTTPSeeOther(own_path(request), headers=remember(request, str(user.id)))


@view_config(route_name="logout", request_method="POST", permission=NO_PERMISSION_REQUIRED)
def logout(request: Any) -> HTTPSeeOther:
    """Sign out."""
    request.oidc.sign_out()  # at the provider too
    return HTTPSeeOther(request.route_url("home"), headers=forget(request))


def own_path(request: Any) -> str:
    """Return the path of the query's ``next``, if it is one of this application."""
    path: str = request.GET.get("next", "")
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
