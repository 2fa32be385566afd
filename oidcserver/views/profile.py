"""The page where a user edits the claims of the profile that ``oidc.editable_claims`` lists."""

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from oidcserver.languages.local_times import zones
from oidcserver.models import User
from oidcserver.models.user import LOCAL
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.profile_claims import SHAPES, shown_value, with_values
from oidcserver.settings import words
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views.access import own_session, signed_in
from oidcserver.views.pages import render

ROUTE, SETTING = "oidc.profile", "oidc.editable_claims"
DEFAULT = (
    "name", "given_name", "family_name", "nickname", "picture", "website", "birthdate", "zoneinfo",
    "locale",
)  # fmt: skip


@signed_in
def show(request: Request) -> Response:
    """Show the form with the stored values."""
    claims = _own_row(request).claims
    return _page(request, {name: shown_value(claims, name) for name in _editable(request)})


@signed_in
def submit(request: Request) -> Response:
    """Store what was entered, if all of it has the right shape."""
    values = {
        name: "\n".join(request.POST.get(name, "").strip().splitlines())
        for name in _editable(request)
        if name in request.POST
    }
    errors = {
        name: SHAPES[name].problem
        for name, value in values.items()
        if value and not SHAPES[name].check(value)
    }
    row = _own_row(request, lock=True)
    if errors:
        stored = {name: shown_value(row.claims, name) for name in _editable(request)}
        return _page(request, {**stored, **values}, errors, 400)
    changed = with_values(row.claims, values)
    if changed != row.claims:
        row.claims = changed
        event = OAuthEvent(request, "profile_changed", {"user_id": row.id})
        request.oidc.database.after_commit(announce, event)
    if "oidc.account" in request.oidc.provider.route_names:
        return see_other(request.oidc.url("oidc.account", _query={"notice": "profile"}))
    return see_other(request.oidc.url(ROUTE))


def _editable(request: Request) -> tuple[str, ...]:
    editable: tuple[str, ...] = request.oidc.provider.settings[SETTING]
    return editable


def _own_row(request: Request, *, lock: bool = False) -> User:
    """Return the row of the signed-in user.

    :raises HTTPNotFound: for a user of another directory, which keeps the claims.
    """
    session = own_session(request)
    row = request.oidc.dbsession.get_one(User, session.user_id, with_for_update=lock or None)
    if row.realm != LOCAL:
        raise HTTPNotFound
    return row


def _page(
    request: Request,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    fields = {
        "fields": [(name, SHAPES[name], values[name]) for name in values],
        "errors": errors or {},
        "zones": zones(),
    }
    return render(request, "profile", fields, status)


def _require_directory(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if ROUTE in provider.route_names and provider.realm != LOCAL:
        name = provider.settings["oidc.user_directory"]
        return (
            f"oidc.pages selects profile, but oidc.user_directory = {name} keeps the claims of its "
            "users elsewhere."
        )
    return None


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(ROUTE, "/account/profile")
        config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
        config.add_oidc_view(submit, route_name=ROUTE, request_method="POST")

    config.add_oauth_setting(
        SETTING,
        words,
        DEFAULT,
        "The claims that users may change on the page profile.",
        allowed=tuple(SHAPES),
    )
    config.add_oauth_page("profile", register)
    config.add_startup_check("profile page", _require_directory)
