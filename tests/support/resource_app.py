"""A resource application of its own, which knows the provider by its settings alone."""

from typing import Any

from pyramid.config import Configurator


def orders(request: Any) -> dict[str, Any]:
    return {"owner": request.identity.subject, "client": request.oidc.access_token.client_id}


def make_resource_app(policy: Any = None, **settings: str) -> Any:
    own = {f"oauth_resource.{name}": value for name, value in settings.items()}
    with Configurator(settings=own) as config:
        if policy is not None:
            config.set_security_policy(policy)
        config.include("oidcserver.resource")
        for name, scope in (
            ("orders", "profile"),
            ("any", ""),
            ("both", "profile email"),
            ("either", ["email", "profile"]),
        ):
            config.add_route(name, f"/{name}")
            config.add_view(orders, route_name=name, renderer="json", oauth_scope=scope)
        config.add_route("open", "/open")
        config.add_view(lambda request: {"open": request.identity is None}, route_name="open",
                        renderer="json")  # fmt: skip
    return config.make_wsgi_app()
