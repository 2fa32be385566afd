"""Protect the views of any Pyramid application with scopes (RFC 6750).

``config.include("oidcserver.resource")`` adds the view option ``oauth_scope``: a text of scopes
that are all needed, or a list of such texts of which one suffices; the empty text takes any valid
token. ``request.access_token`` says whose token it is. So does ``request.identity``, unless the
application embeds the provider or has a security policy of its own.
"""

from typing import Any

from oidcserver.resource.deriver import access_token, oauth_scope_deriver
from oidcserver.resource.policy import BearerSecurityPolicy
from oidcserver.resource.settings import make_validator


def includeme(config: Any) -> None:
    """Add the view option; in an application without the provider, also the policy."""
    config.add_view_deriver(
        oauth_scope_deriver, "oauth_scope", under="INGRESS", over="secured_view"
    )
    config.add_request_method(access_token, "access_token", property=True)
    if getattr(config.registry, "provider", None) is None:
        config.set_security_policy(BearerSecurityPolicy())
    else:
        config.include("oidcserver.resource.api_me")

    def choose() -> None:
        config.registry.token_validator = make_validator(config.registry)

    config.action(("oauth_resource", "validator"), choose)
