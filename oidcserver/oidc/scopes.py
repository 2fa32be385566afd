"""The standard scopes and claims (OpenID Connect Core sections 5.1, 5.4 and 11)."""

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

#: Of the standard claims, those that are no text. A number may have a fraction (section 5.1).
CLAIM_TYPES: dict[str, tuple[type, ...]] = {
    "email_verified": (bool,),
    "phone_number_verified": (bool,),
    "updated_at": (int, float),
    "address": (dict,),
}
STANDARD_CLAIMS = frozenset(name for scope in STANDARD for name in scope.claims)

#: What it means to give a standard claim away.
CLAIM_WORDS = {
    "name": "See your full name",
    "family_name": "See your family name",
    "given_name": "See your given name",
    "middle_name": "See your middle name",
    "nickname": "See your nickname",
    "preferred_username": "See the user name that you go by",
    "profile": "See the address of your profile page",
    "picture": "See your picture",
    "website": "See the address of your website",
    "gender": "See your gender",
    "birthdate": "See your date of birth",
    "zoneinfo": "See your time zone",
    "locale": "See your language",
    "updated_at": "See when your profile was last changed",
    "email": "See your email address",
    "email_verified": "See whether your email address was verified",
    "address": "See your postal address",
    "phone_number": "See your phone number",
    "phone_number_verified": "See whether your phone number was verified",
}


def describe_claim(provider: Any, name: str) -> str:
    """Return in plain words what it means to give a claim away."""
    for source in provider.claims_sources.values():
        if name in source.claims:
            words: str = source.claims[name]
            return words
    if name in CLAIM_WORDS:
        return CLAIM_WORDS[name]
    scopes = (scope.description for scope in provider.scopes.values() if name in scope.claims)
    return next(scopes, name)


def includeme(config: Any) -> None:
    """Offer the standard scopes."""
    for scope in STANDARD:
        config.add_scope(scope.name, scope.description, scope.claims)
    config.add_server_metadata("scopes_supported", lambda provider: list(provider.scopes))
