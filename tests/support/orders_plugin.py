"""A protected view within the provider's own process."""

from typing import Any


def orders(request: Any) -> dict[str, Any]:
    return {"owner": request.identity.subject, "userid": request.authenticated_userid}


def includeme(config: Any) -> None:
    config.add_route("orders", "/orders")
    config.add_view(orders, route_name="orders", renderer="json", oauth_scope="profile")
