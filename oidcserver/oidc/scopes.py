"""The standard scopes (OpenID Connect Core sections 5.4 and 11) and what they return."""

from typing import Any

from oidcserver.interfaces import Scope

STANDARD = (
    Scope("openid", "Know that it is you"),
    Scope(
        "profile",
        "See your name, picture and other profile details",
        (
            "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username",
            "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale",
            "updated_at",
        ),
    ),
    Scope("email", "See your email address", ("email", "email_verified")),
    Scope("address", "See your postal address", ("address",)),
    Scope("phone", "See your phone number", ("phone_number", "phone_number_verified")),
    Scope("offline_access", "Keep this access while you are away, until you withdraw it"),
)  # fmt: skip


def includeme(config: Any) -> None:
    """Offer the standard scopes."""
    for scope in STANDARD:
        config.add_scope(scope.name, scope.description, scope.claims)
    config.add_server_metadata("scopes_supported", lambda provider: list(provider.scopes))
