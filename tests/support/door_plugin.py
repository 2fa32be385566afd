"""A way to begin a sign-in of another author: a link that a doorkeeper opens for user names."""

from typing import Any

from oidcserver.views.second_factor import after_first_factor


class DoorMethod:
    """Signs in the user whom the query names: for tests alone."""

    label = "Ask the doorkeeper"
    route_name = "door"

    def register(self, config: Any) -> None:
        config.add_oidc_route(self.route_name, "/door")
        config.add_oidc_view(enter, route_name=self.route_name, request_method="GET")


def enter(request: Any) -> Any:
    user = request.oidc.authenticate_user(request.GET["name"], "valid")
    return after_first_factor(request, None, user, ("door",), "door")


def includeme(config: Any) -> None:
    config.add_first_factor("door", DoorMethod())
