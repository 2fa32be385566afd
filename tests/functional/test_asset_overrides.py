"""Static files that an application replaces by its own: browsers get the new ones at once."""

from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from support.app import DEVELOPMENT, Provider


def style_sheet(provider: Provider) -> tuple[str, str]:
    """Return the URL of the style sheet, as pages have it, and what is served there."""
    browser = provider.browser()
    url = browser.get("/login").html.find("link", rel="stylesheet")["href"]
    return url, browser.get(url).text


def script(provider: Provider) -> str:
    """Return the URL of another file."""
    icon = provider.browser().get("/login").html.find("link", rel="icon")
    return str(icon["href"])


class Overriding(Provider):
    """A provider in an application that overrides assets."""

    def __init__(self, settings: dict[str, str], *overrides: tuple[str, str]) -> None:
        with Configurator(settings={**DEVELOPMENT, **settings}) as config:
            config.include("oidcserver")
            for ours, theirs in overrides:
                config.override_asset(ours, theirs)
        self.wsgi = config.make_wsgi_app()
        self.registry = self.wsgi.registry
        self.issuer = self.registry.oidc.provider.issuer


def test_the_cache_key_is_made_of_what_is_served(
    tmp_path: Path, provider_url: str, keys_directory: Path
) -> None:
    settings = {
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    theme = tmp_path / "theme"
    theme.mkdir()
    (theme / "oidcserver.css").write_text("body { color: red }")
    own = Overriding(settings)
    file = Overriding(settings, ("oidcserver:static/oidcserver.css", str(theme / "oidcserver.css")))
    directory = Overriding(settings, ("oidcserver:static/", f"{theme}/"))
    (url, text), (replaced, theirs) = style_sheet(own), style_sheet(file)
    assert "color: red" in theirs
    assert text != theirs
    assert replaced != url
    assert style_sheet(directory) == (replaced, theirs)
    assert script(own) == script(file) == script(directory), "this file is the same"
    (theme / "oidcserver.css").write_text("body { color: blue; }")
    changed, theirs = style_sheet(file)
    assert "color: blue" in theirs
    assert changed != replaced
    for provider in (own, file, directory):
        provider.close()


def test_the_key_is_the_same_in_every_process(make_provider: Any) -> None:
    assert style_sheet(make_provider()) == style_sheet(make_provider())
