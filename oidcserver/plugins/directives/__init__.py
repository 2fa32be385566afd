"""The directives with which built-in modules and plugins make offers.

Each call makes an introspectable and an entry of the catalog; the ini file selects offers. If two
plugins make an offer of the same kind and name, the start stops and names both places. An offer of
the application itself, beside ``config.include``, replaces that of a plugin.
"""

from collections.abc import Callable

from oidcserver.plugins.directives.configuration import (
    add_oauth_profile,
    add_oauth_setting,
    add_server_metadata,
    add_startup_check,
)
from oidcserver.plugins.directives.endpoints import (
    add_oauth_endpoint,
    add_oauth_flow,
    add_oauth_step,
)
from oidcserver.plugins.directives.oauth import (
    add_access_token_format,
    add_client_authentication_method,
    add_client_metadata_member,
    add_oauth_grant,
    add_response_mode,
    add_token_exchange_policy,
)
from oidcserver.plugins.directives.pages import (
    add_oauth_page,
    add_oidc_route,
    add_oidc_translations,
    add_oidc_view,
)
from oidcserver.plugins.directives.resources import (
    add_authorization_details_type,
    add_oauth_resource,
)
from oidcserver.plugins.directives.users import (
    add_acr_value,
    add_authentication_method,
    add_claims_source,
    add_first_factor,
    add_interaction,
    add_scope,
    add_subject_type,
    add_upstream,
    add_user_directory,
)

DIRECTIVES: tuple[Callable[..., None], ...] = (
    add_oauth_setting,
    add_oauth_profile,
    add_oauth_grant,
    add_client_authentication_method,
    add_oauth_endpoint,
    add_oauth_page,
    add_oidc_route,
    add_oidc_view,
    add_oidc_translations,
    add_server_metadata,
    add_oauth_flow,
    add_oauth_step,
    add_response_mode,
    add_access_token_format,
    add_interaction,
    add_scope,
    add_user_directory,
    add_claims_source,
    add_acr_value,
    add_first_factor,
    add_authentication_method,
    add_upstream,
    add_subject_type,
    add_oauth_resource,
    add_authorization_details_type,
    add_client_metadata_member,
    add_token_exchange_policy,
    add_startup_check,
)
