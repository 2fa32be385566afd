"""The languages of pages: those that exist, and that of a request."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from pyramid.i18n import default_locale_negotiator, make_localizer
from pyramid.interfaces import ILocaleNegotiator, ITranslationDirectories

from oidcserver.languages.local_times import LocalTimes
from oidcserver.languages.negotiation import LocaleNegotiator, negotiate
from oidcserver.plugins.selection import CHECK
from oidcserver.settings import ConfigurationProblem, lines, text, words
from oidcserver.texts import DOMAIN, LANGUAGE_TAG, SOURCE, Locale
from oidcserver.types import Configurator, Provider

#: After every ``add_translation_dirs``.
LOAD = CHECK - 1


def language_tags(raw: str) -> tuple[str, ...]:
    """Return language tags (RFC 5646), such as ``en de pt-BR``; white space separates them."""
    tags = words(raw)
    if not tags or not all(map(LANGUAGE_TAG.fullmatch, tags)):
        raise ValueError("language tags such as `en de pt-BR`")
    return tags


def load_locales(provider: Provider, directories: Iterable[str]) -> dict[str, Locale]:
    """Return the languages of ``oidc.locales`` by their tags, with their catalogues.

    :raises ConfigurationProblem: if there is no catalogue for one of them.
    """
    tags = provider.settings["oidc.locales"]
    default = provider.settings["oidc.default_locale"]
    if default not in tags:
        raise ConfigurationProblem(
            f"oidc.default_locale is {default!r}, which oidc.locales does not name."
        )
    found = {tag: _names(tag) for tag in tags}
    for tag, names in found.items():
        files = (
            Path(it, name, "LC_MESSAGES", f"{DOMAIN}.mo") for it in directories for name in names
        )
        if SOURCE.tag not in names and not any(map(Path.is_file, files)):
            raise ConfigurationProblem(
                f"oidc.locales names {tag!r}, but there is no catalogue "
                f"{names[0]}/LC_MESSAGES/{DOMAIN}.mo in {', '.join(directories)}."
            )
    return {
        tag: Locale(tag, make_localizer(names[-1], directories)) for tag, names in found.items()
    }


def _names(tag: str) -> list[str]:
    """Return the directories of a language: ``pt`` and ``pt_BR``."""
    return list(dict.fromkeys((tag.partition("-")[0], tag.replace("-", "_"))))


def _load(config: Configurator) -> None:
    registry = config.registry
    provider = registry.oidc.provider
    directories = registry.getUtility(ITranslationDirectories)
    own = [str(Path(it)) for it in provider.settings["oidc.catalogues"]]
    if missing := [it for it in own if not Path(it).is_dir()]:
        raise ConfigurationProblem(f"oidc.catalogues: there is no directory {missing[0]}.")
    directories.extend(it for it in own if it not in directories)
    registry.oidc.locales = load_locales(provider, directories)
    environment = config.get_jinja2_environment()
    environment.oidcserver_domains.update(provider.text_domains)
    negotiator = registry.queryUtility(ILocaleNegotiator, default=default_locale_negotiator)
    if not isinstance(negotiator, LocaleNegotiator):
        registry.registerUtility(LocaleNegotiator(negotiator), ILocaleNegotiator)


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.locale``, the settings, and translations to templates."""
    config.include("pyramid_jinja2")
    config.add_oauth_setting(
        "oidc.locales",
        language_tags,
        ("en", "de", "fr", "es", "ar"),
        "The languages of the pages, in the order of the choice at the end of each page.",
    )
    config.add_oauth_setting(
        "oidc.default_locale",
        text,
        SOURCE.tag,
        "The language for users whose browser asks for none of them.",
    )
    config.add_oauth_setting(
        "oidc.catalogues",
        lines,
        (),
        "Directories with catalogues of yours, one a line. Their sentences replace others: "
        "`DIRECTORY/de/LC_MESSAGES/oidcserver.mo`.",
    )
    config.add_oidc_translations("oidcserver:locale")
    config.add_oidc_attribute("locale", negotiate)
    config.add_oidc_attribute("local_times", LocalTimes)
    config.add_jinja2_extension("oidcserver.languages.templates.Translations")
    config.add_server_metadata(
        "ui_locales_supported", lambda provider: list(provider.settings["oidc.locales"])
    )
    config.action(("oauth", "languages"), partial(_load, config), order=LOAD)
