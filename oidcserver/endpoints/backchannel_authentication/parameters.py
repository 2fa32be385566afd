"""The parameters of a backchannel authentication request (CIBA section 7.1)."""

import math
import re

from oidcserver.endpoints.backchannel_authentication.request import (
    BackchannelAuthenticationRequest,
    malformed,
    rejected,
)
from oidcserver.extensions.authorization_details import PARAMETER, for_audience, parse_details
from oidcserver.extensions.resource_indicators import find_resources
from oidcserver.models.backchannel_request import MAX_BINDING_MESSAGE
from oidcserver.oauth.scopes import ignored_because, scope_for, scope_words
from oidcserver.oidc.ciba import BINDING, LIFETIME, MAX_LIFETIME
from oidcserver.texts import is_plain

#: A bearer token (RFC 6750 section 2.1).
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
MAX_NOTIFICATION_TOKEN, TOKEN_BITS = 1024, 128
#: A number of seconds of at most nine digits.
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_scope(asking: BackchannelAuthenticationRequest) -> None:
    """Keep the scopes that the client registered; require ``openid`` among them.

    A scope that is ignored is logged once.
    """
    client, registry = asking.client, asking.request.registry
    asked = scope_words(asking.parameter("scope", "CIBA section 7.1"))
    granted = []
    for name in asked:
        if reason := ignored_because(asking.provider, client, name):
            registry.oidc.ignored_scopes.note(client.client_id, name, reason)
        else:
            granted.append(name)
    if "openid" not in granted:
        raise rejected(
            "invalid_scope",
            "The scope lacks openid, or the client is not registered for it.",
            "CIBA section 7.1",
        )
    asking.granted_scope = " ".join(granted)


def read_resources(asking: BackchannelAuthenticationRequest) -> None:
    """Read the resources of the request, and drop the scopes that they do not define."""
    provider, client = asking.provider, asking.client
    asking.audience = find_resources(provider, client, asking.payload.datalist.get("resource", ()))
    asking.granted_scope = scope_for(provider, asking.audience, asking.granted_scope)


def read_authorization_details(asking: BackchannelAuthenticationRequest) -> None:
    """Read the authorization details of the request."""
    text = asking.payload.data.get(PARAMETER)
    if text is not None:
        details = parse_details(asking.provider, asking.client, text)
        asking.authorization_details = for_audience(details, asking.audience)


def read_binding_message(asking: BackchannelAuthenticationRequest) -> None:
    """Accept a short, plain message that a user can compare on two devices (section 7.1)."""
    message = asking.payload.data.get("binding_message")
    if message is None:
        if asking.provider.settings_for(asking.client)[BINDING]:
            raise malformed("The request has no binding_message.", "FAPI-CIBA section 5.2.2")
        return
    if len(message) > MAX_BINDING_MESSAGE:
        raise rejected(
            "invalid_binding_message",
            f"The binding_message is longer than {MAX_BINDING_MESSAGE} characters.",
        )
    if not message.strip() or not is_plain(message) or {"<", ">"} & set(message):
        raise rejected(
            "invalid_binding_message",
            "The binding_message holds markup, control or invisible characters, or nothing else.",
        )
    asking.binding_message = message


def reject_user_code(asking: BackchannelAuthenticationRequest) -> None:
    """Reject a ``user_code``: a client that sends one expects that it is checked."""
    if "user_code" in asking.payload.data:
        raise malformed("user_code is not supported.")


def read_requested_expiry(asking: BackchannelAuthenticationRequest) -> None:
    """Read how long the request is valid, as far as the settings allow it."""
    settings = asking.provider.settings
    requested = asking.payload.data.get("requested_expiry")
    asking.lifetime = min(settings[LIFETIME], settings[MAX_LIFETIME])
    if requested is None:
        return
    if not _SECONDS.fullmatch(requested) or int(requested) == 0:
        raise malformed("requested_expiry is not a positive number of seconds.")
    asking.lifetime = min(int(requested), settings[MAX_LIFETIME])


def read_acr_values(asking: BackchannelAuthenticationRequest) -> None:
    """Read the requested classes, or the client's own; the ID token has the one that was reached.

    They are voluntary, as in OpenID Connect Core section 3.1.2.1.
    """
    asked = asking.payload.data.get("acr_values", "").split()
    asked = asked or asking.client.member("default_acr_values")
    if asked:
        asking.claims_request = {"id_token": {"acr": {"values": list(asked)}}}


def read_notification_token(asking: BackchannelAuthenticationRequest) -> None:
    """Require a bearer token with 128 bits of a client in ping mode; ignore it of others."""
    if asking.client.member("backchannel_token_delivery_mode") != "ping":
        return
    token = asking.parameter("client_notification_token", "CIBA section 7.1")
    if len(token) > MAX_NOTIFICATION_TOKEN or not _TOKEN68.fullmatch(token):
        raise malformed("The client_notification_token is not a bearer token, or too long.")
    if _most_bits(token) < TOKEN_BITS:
        raise malformed(f"The client_notification_token has less than {TOKEN_BITS} bits.")
    asking.notification_token = token


def _most_bits(token: str) -> float:
    """Return how many random bits a token can hold: digits have less each than letters."""
    characters = token.rstrip("=")
    kinds = ((10, "[0-9]*"), (16, "[0-9a-f]*|[0-9A-F]*"), (64, ".*"))
    size = next(size for size, kind in kinds if re.fullmatch(kind, characters))
    return len(characters) * math.log2(size)
