"""Views that require a stronger or a more recent sign-in (RFC 9470)."""

from typing import Any

from second_factor import ACR


def signed_in(request: Any) -> dict[str, Any]:
    return {"acr": request.oidc.access_token.acr}


def includeme(config: Any) -> None:
    required: dict[str, dict[str, Any]] = {
        "plain": {},
        "acr": {"oauth_acr": ACR},
        "age": {"oauth_max_age": 300},
        "both": {"oauth_acr": [ACR], "oauth_max_age": 300},
    }
    for name, options in required.items():
        config.add_route(name, f"/{name}")
        config.add_view(
            signed_in, route_name=name, renderer="json", oauth_scope="profile", **options
        )
