"""The standard scopes and claims (OpenID Connect Core sections 5.1, 5.4 and 11)."""

import re
from functools import partial
from types import SimpleNamespace

from oidcserver.catalog import Offer
from oidcserver.interfaces import Scope
from oidcserver.plugins.offering import SCOPE_NAME
from oidcserver.plugins.selection import DECLARE
from oidcserver.settings import lines
from oidcserver.texts import _
from oidcserver.types import Configurator, Provider, Registry

SETTING = "oidc.scope_claims"
#: A name without a language tag that needs no escaping in JSON.
#: The name of a claim.
CLAIM_NAME = re.compile(r"[A-Za-z0-9_.:/?=&~+-]{1,255}", re.ASCII)

STANDARD = (
    Scope("openid", _("Know that it is you")),
    Scope(
        "profile",
        _("See your name, picture and other profile details"),
        (
            "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username",
            "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale",
            "updated_at",
        ),
    ),
    Scope("email", _("See your email address"), ("email", "email_verified")),
    Scope("address", _("See your postal address"), ("address",)),
    Scope("phone", _("See your phone number"), ("phone_number", "phone_number_verified")),
    Scope("offline_access", _("Keep this access while you are away, until you withdraw it")),
)  # fmt: skip

#: The types of the standard claims that are not text. A number may have a fraction (section 5.1).
CLAIM_TYPES: dict[str, tuple[type, ...]] = {
    "email_verified": (bool,),
    "phone_number_verified": (bool,),
    "updated_at": (int, float),
    "address": (dict,),
}
STANDARD_CLAIMS = frozenset(name for scope in STANDARD for name in scope.claims)

#: The descriptions of the standard claims on the consent page.
CLAIM_WORDS = {
    "name": _("See your full name"),
    "family_name": _("See your family name"),
    "given_name": _("See your given name"),
    "middle_name": _("See your middle name"),
    "nickname": _("See your nickname"),
    "preferred_username": _("See your preferred user name"),
    "profile": _("See the address of your profile page"),
    "picture": _("See your picture"),
    "website": _("See the address of your website"),
    "gender": _("See your gender"),
    "birthdate": _("See your date of birth"),
    "zoneinfo": _("See your time zone"),
    "locale": _("See your language"),
    "updated_at": _("See when your profile was last changed"),
    "email": _("See your email address"),
    "email_verified": _("See whether your email address was verified"),
    "address": _("See your postal address"),
    "phone_number": _("See your phone number"),
    "phone_number_verified": _("See whether your phone number was verified"),
}


def describe_claim(provider: Provider, name: str) -> str:
    """Return the description of a claim for the consent page."""
    for source in provider.claims_sources.values():
        if name in source.claims:
            words: str = source.claims[name]
            return words
    if name in CLAIM_WORDS:
        return CLAIM_WORDS[name]
    own = provider.settings["oidc.claims"].get(name)
    if own is not None and own.sentence:
        # A catalogue of the operator may translate the sentence of the ini.
        return _(own.sentence)
    scopes = (scope.description for scope in provider.scopes.values() if name in scope.claims)
    return next(scopes, name)


def scope_lines(raw: str) -> tuple[str, ...]:
    """Return lines of a scope and its claims, such as ``groups: groups | See your groups``."""
    declared = lines(raw)
    for line in declared:
        read_scope(line)
    return declared


def read_scope(line: str) -> Scope:
    """Return the scope of a line: its name, its claims and its description.

    :raises ValueError: with an example of a line.
    """
    name, _, rest = line.partition(": ")
    words, _, sentence = rest.partition("|")
    claims, sentence = tuple(words.split()), sentence.strip()
    if not (
        SCOPE_NAME.fullmatch(name)
        and all(map(CLAIM_NAME.fullmatch, claims))
        and (claims or sentence)
    ):
        raise ValueError("lines such as `groups: groups | See which groups you are in`")
    return Scope(name, sentence, claims)


def declare_scopes(provider: Provider) -> None:
    """Offer the scopes that the ini declares, and add claims to existing scopes."""
    for number, line in enumerate(provider.settings[SETTING], start=1):
        scope = read_scope(line)
        offered = provider.catalog.offers("scope").get(scope.name)
        existing = offered.value if offered is not None else Scope(scope.name, "")
        claims = tuple(dict.fromkeys((*existing.claims, *scope.claims)))
        named = ", ".join(claims).replace("_", " ")
        words = _("See your ${claims}", {"claims": named})
        # A catalogue of the operator may translate the sentence of the ini.
        sentence = _(scope.description) if scope.description else existing.description or words
        where = SimpleNamespace(file=SETTING, line=number)
        provider.catalog.add(Offer("scope", scope.name, Scope(scope.name, sentence, claims), where))


def _require_selected(registry: Registry) -> str | None:
    """Require that each declared scope is selected."""
    provider = registry.oidc.provider
    declared = (read_scope(line).name for line in provider.settings[SETTING])
    missing = [name for name in declared if name not in provider.scopes]
    if missing:
        return f"{SETTING} declares {', '.join(missing)}, which oauth.scopes does not select."
    return None


def includeme(config: Configurator) -> None:
    """Offer the standard scopes, and those that the ini declares."""
    for scope in STANDARD:
        config.add_scope(scope.name, scope.description, scope.claims)
    config.add_oauth_setting(
        SETTING,
        scope_lines,
        (),
        "Further scopes and the claims that they return, one a line: "
        "`groups: groups | See which groups you are in`.",
    )
    declare = partial(declare_scopes, config.registry.oidc.provider)
    config.action(("oauth", "declared scopes"), declare, order=DECLARE)
    config.add_startup_check("declared scopes", _require_selected)
    config.add_server_metadata("scopes_supported", lambda provider: list(provider.scopes))
