"""The page where a user connects the account with users of upstreams, and disconnects them."""

from pyramid.response import Response

from oidcserver.accounts.upstreams.linking import LastWayIn, may_link, unlink
from oidcserver.accounts.ways_in import usable_links
from oidcserver.oauth.responses import see_other
from oidcserver.texts import Moment, _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import own_session, signed_in
from oidcserver.views.confirmation import ask
from oidcserver.views.pages import render
from oidcserver.views.recent_login import strongest_factor_proven
from oidcserver.views.upstream import LINKS, start_linking

#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {
    "upstream_linked": _("The account was connected. You can now sign in with it."),
    "upstream_unlinked": _("The account was disconnected. You can no longer sign in with it."),
}
PROBLEMS = {
    "upstream": _("Signing in there failed. Nothing was connected."),
    "upstream_taken": _(
        "That account was not connected. It may be connected to another account here."
    ),
    "upstream_last": _("This is the only way to sign in to your account, so it cannot be removed."),
}


@signed_in
@strongest_factor_proven
def show(request: Request) -> Response:
    """Show each link, and the upstreams to which there is none; or ask before one changes."""
    provider, user_id = request.oidc.provider, own_session(request).user_id
    # From here the user goes to the upstream.
    request.oidc.content_security_policy.let_forms_leave()
    links = usable_links(request, user_id)
    for link in links:
        if link.id == request.GET.get("remove"):
            name, back = {"name": provider.upstreams[link.upstream].label}, request.oidc.url(LINKS)
            return ask(
                request, _("Disconnect ${name}?", name), _("Disconnect"), back, remove=link.id
            )
    upstream = provider.upstreams.get(request.GET.get("link", ""))
    if upstream is not None and may_link(upstream):
        name, back = {"name": upstream.label}, request.oidc.url(LINKS)
        return ask(request, _("Connect ${name}?", name), _("Connect"), back, link=upstream.name)
    linked = {it.upstream for it in links}
    values = {
        "links": [(it, provider.upstreams[it.upstream]) for it in links],
        "others": [
            it for it in provider.upstreams.values() if it.name not in linked and may_link(it)
        ],
        "moment": Moment,
        "notice": NOTICES.get(request.GET.get("notice", "")),
        "problem": PROBLEMS.get(request.GET.get("notice", "")),
    }
    return render(request, "upstream_links", values)


@signed_in
@strongest_factor_proven
def change(request: Request) -> Response:
    """Begin to link, or remove a link."""
    session = own_session(request)
    if "remove" in request.POST:
        try:
            removed = unlink(request, session.user_id, request.POST["remove"])
        except LastWayIn:
            return _back(request, notice="upstream_last")
        return _back(request, notice="upstream_unlinked") if removed else _back(request)
    upstream = request.oidc.provider.upstreams.get(request.POST.get("link", ""))
    if upstream is None or not may_link(upstream):
        return _back(request)
    return start_linking(request, upstream, session.id)


def _back(request: Request, **query: str) -> Response:
    return see_other(request.oidc.url(LINKS, _query=query))


def register(config: Configurator) -> None:
    """Add the page, where the ini selects an upstream."""
    if not config.registry.oidc.provider.upstreams:
        return
    config.add_oidc_route(LINKS, "/account/connections")
    config.add_oidc_view(show, route_name=LINKS, request_method="GET")
    config.add_oidc_view(change, route_name=LINKS, request_method="POST")
