"""Protect the views of any Pyramid application with scopes (RFC 6750).

``config.include("oidcserver.resource")`` adds the view option ``oauth_scope``. Its value is a text
of scopes, all of which are required, or a list of such texts, one of which suffices. The empty text
accepts any valid token. ``request.oidc.access_token`` is the token of the request;
``request.identity`` is the same, unless the application embeds the provider or has a security
policy of its own.
"""

from pyramid.config import PHASE0_CONFIG

from oidcserver.resource.confirmation import make_key_confirmation, resource_url
from oidcserver.resource.deriver import no_access_token, oauth_scope_deriver
from oidcserver.resource.policy import BearerSecurityPolicy
from oidcserver.resource.settings import make_validator, read_settings
from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Add the view option; in an application without the provider, also the policy."""
    config.add_view_deriver(
        oauth_scope_deriver, "oauth_scope", under="INGRESS", over="secured_view"
    )
    config.include("oidcserver.plugins.door")
    config.add_oidc_attribute("access_token", no_access_token)

    def choose_policy() -> None:
        if not hasattr(config.registry.oidc, "provider"):
            config.set_security_policy(BearerSecurityPolicy())

    def choose() -> None:
        registry = config.registry
        settings = read_settings(registry)
        registry.oidc.token_validator = make_validator(registry, settings)
        registry.oidc.resource_url = resource_url(registry, settings)
        if not hasattr(registry.oidc, "provider"):
            registry.oidc.key_confirmation = make_key_confirmation(settings)

    config.action(("oauth_resource", "policy"), choose_policy, order=PHASE0_CONFIG)
    config.action(("oauth_resource", "validator"), choose)
