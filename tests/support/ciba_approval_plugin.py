"""Decides on backchannel requests without a user: the ``automated_ciba_approval_url`` of the
conformance suite. It lets everybody decide on everything, so it is for tests alone.

The suite posts to a URL such as ``/ciba-approval?auth_req_id={auth_req_id}&action={action}``, where
the action is ``allow`` or ``deny``.
"""

from typing import Any

from pyramid.response import Response

from oidcserver.credentials import digest
from oidcserver.models import BackchannelRequest, Client
from oidcserver.oidc.ciba.decisions import approve, deny


def decide(request: Any) -> Response:
    """Decide on a request as its user would, with the scopes that it asks for."""
    dbsession = request.oidc.dbsession
    asked = dbsession.get(BackchannelRequest, digest(request.GET.get("auth_req_id", "")))
    if asked is None:
        return Response(status=404)
    if request.GET.get("action") == "allow":
        client = dbsession.get_one(Client, asked.client_id)
        acr = request.oidc.provider.settings["oidc.password_acr"]
        decided = approve(
            request, asked, client, asked.scope, auth_time=request.oidc.now, acr=acr, amr=["pwd"]
        )
    else:
        decided = deny(request, asked)
    return Response(status=204 if decided else 409)


def includeme(config: Any) -> None:
    config.add_route("ciba_approval", "/ciba-approval")
    config.add_view(decide, route_name="ciba_approval", request_method="POST", require_csrf=False)
