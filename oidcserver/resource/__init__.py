"""Protect the views of any Pyramid application with scopes (RFC 6750).

``config.include("oidcserver.resource")`` adds the view option ``oauth_scope``. Its value is a text
of scopes, all of which are required, or a list of such texts, one of which suffices. The empty text
accepts any valid token. ``oauth_resource`` names the resource that the token is for,
``oauth_acr`` and ``oauth_max_age`` say how the user has to have signed in (RFC 9470).
``config.add_protected_resource`` declares resources beside the one of the settings.

``request.oidc.access_token`` is the token of the request;
``request.identity`` is the same, unless the application embeds the provider or has a security
policy of its own.
"""

from functools import partial

from pyramid.config import PHASE0_CONFIG

from oidcserver.plugins.selection import DECLARE, PUBLISH
from oidcserver.resource.confirmation import make_key_confirmation, resource_url
from oidcserver.resource.deriver import no_access_token, oauth_scope_deriver
from oidcserver.resource.metadata import publish
from oidcserver.resource.policy import BearerSecurityPolicy
from oidcserver.resource.protected_resources import add_protected_resource, declare_resources
from oidcserver.resource.settings import make_validator, read_settings
from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Add the view option; in an application without the provider, also the policy."""
    config.add_view_deriver(
        oauth_scope_deriver, "oauth_scope", under="INGRESS", over="secured_view"
    )
    config.include("oidcserver.plugins.request_attributes")
    if not hasattr(config.registry.oidc, "protected_resources"):
        config.registry.oidc.protected_resources = {}
    config.add_directive("add_protected_resource", add_protected_resource)
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

    declare = partial(declare_resources, config.registry)
    config.action(("oauth_resource", "policy"), choose_policy, order=PHASE0_CONFIG)
    config.action(("oauth_resource", "resources"), declare, order=DECLARE)
    config.action(("oauth_resource", "metadata"), partial(publish, config), order=PUBLISH)
    config.action(("oauth_resource", "validator"), choose)
