"""The settings of the authentication context classes, and the selection among them.

The classes of the methods, of upstreams and of plugins get one order, and each gets its page.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from oidcserver.catalog import Offer, unknown
from oidcserver.interfaces import Interaction
from oidcserver.interfaces.authentication import AcrPolicy
from oidcserver.oidc.acr import step_up_needed
from oidcserver.oidc.acr_policy import (
    METHODS,
    PASSWORD_ACR,
    SECOND_FACTOR_ACR,
    Classes,
    begins_here,
    classes_of,
    with_upstreams,
)
from oidcserver.plugins.selection import ARRANGE, SECOND_FACTORS, UPSTREAMS
from oidcserver.settings import ConfigurationProblem, Settings, lines, text, words
from oidcserver.types import Configurator, Provider

SETTING = "oidc.acr_values"


def _select(config: Configurator, info: Any) -> None:
    """Put the selected classes in their order, and add the interaction of each."""
    provider = config.registry.oidc.provider
    catalog, settings = provider.catalog, provider.settings
    upstreams = catalog.select("upstream", settings[UPSTREAMS], UPSTREAMS)
    classes = with_upstreams(settings, classes_of(settings), upstreams.values())
    pages = {name: _page_of(settings, found) for name, found in classes.items()}
    offers = catalog.offers("acr value")
    for name, offer in offers.items():
        if settings[METHODS] and name in pages:
            raise ConfigurationProblem(
                f"{METHODS} has a line for {name!r}, which {offer.where} offers: remove the line."
            )
        # The page of a plugin is preferred to that of second factors.
        pages[name] = offer.value
    order = _in_order(provider, classes, pages, offers)
    provider.acr_pages = {name: pages[name] for name in order}
    provider.acr_policy = AcrPolicy(tuple((name, classes.get(name, ())) for name in order))
    for name, route_name in provider.acr_pages.items():
        needed: Callable[[Any], str | None] = partial(step_up_needed, name)
        interaction = Interaction(f"acr {name}", needed, route_name)
        entry = (interaction, ("login", "subject"), "consent")
        catalog.add(Offer("interaction", interaction.name, entry, info))


def _page_of(settings: Settings, combinations: Collection[frozenset[str]]) -> str:
    """Return the page where a user who is signed in reaches a class."""
    if any(begins_here(settings, it) for it in combinations):
        return "oidc.login"
    return "oidc.second_factor" if settings[SECOND_FACTORS] else "oidc.login"


def _in_order(
    provider: Provider, classes: Classes, pages: Mapping[str, str], offers: Mapping[str, Offer]
) -> Sequence[str]:
    """Return the names of the selected classes, the weakest first."""
    settings = provider.settings
    names: tuple[str, ...] = settings[SETTING]
    if not names:
        return tuple(pages)
    for name in names:
        if name not in pages:
            raise ConfigurationProblem(unknown(SETTING, name, offers))
    for name in classes:
        if name not in names:
            raise ConfigurationProblem(
                f"{SETTING} lacks {name!r}, {_whose(settings, name)}. Add it at its rank, the "
                "weakest first."
            )
    if settings[METHODS]:
        declared, where = list(classes), METHODS
    else:
        # The class of an upstream has the rank that the setting gives it.
        both = (settings[PASSWORD_ACR], settings[SECOND_FACTOR_ACR])
        declared = [name for name in dict.fromkeys(both) if name in classes]
        where = f"{PASSWORD_ACR} and {SECOND_FACTOR_ACR}"
    if [name for name in names if name in declared] != declared:
        raise ConfigurationProblem(
            f"{SETTING} has another order than {where}: {', '.join(declared)}, the weakest first."
        )
    return names


def _whose(settings: Settings, name: str) -> str:
    if settings[METHODS]:
        return f"which {METHODS} declares"
    if name == settings[PASSWORD_ACR]:
        return f"the class of a login with a password ({PASSWORD_ACR})"
    if name == settings[SECOND_FACTOR_ACR]:
        return f"the class of a login with a second factor ({SECOND_FACTOR_ACR})"
    return "the acr of an upstream"


def includeme(config: Configurator) -> None:
    """Add the settings, the interactions and the metadata."""
    setting = config.add_oauth_setting
    setting(PASSWORD_ACR, text, "1", "The acr of a login with a password, or another first factor.")
    setting(SECOND_FACTOR_ACR, text, "2", "The acr of a login with a second factor.")
    setting(
        METHODS,
        lines,
        (),
        "Which methods reach which acr, one a line, the weakest first, such as `2: password+totp "
        "passkey`; empty: oidc.password_acr and oidc.second_factor_acr name the two classes.",
    )
    setting(
        SETTING,
        words,
        (),
        "The authentication context classes, the weakest first; empty: all offered classes.",
    )
    config.add_server_metadata("acr_values_supported", lambda provider: list(provider.acr_pages))
    # After the upstreams are declared, and before the interactions are put in their order.
    select = partial(_select, config, config.action_info)
    config.action(("oauth", "acr values"), select, order=ARRANGE)
