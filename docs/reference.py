"""A Sphinx extension: the reference of settings, commands and directives, made from the code.

It configures a provider in memory, as ``oidcserver explain`` does. A page has the directives
``settings-reference``, ``commands-reference``, ``flows-reference`` and ``rooms-reference``. Each
setting that it names becomes a link; one that does not exist fails the build.
"""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import click
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import oidcserver
from oidcserver.cli import main
from oidcserver.plugins.including import configured
from oidcserver.resource.settings import SETTINGS as RESOURCE_SETTINGS
from oidcserver.settings import Setting, reference

log = logging.getLogger(__name__)

#: What every provider has to be told. Nothing is opened, and no key is made.
MINIMAL = {
    "oidc.issuer": "https://login.example.com",
    "oidcserver.database_url": "sqlite:////nowhere/provider.sqlite",
    "oidcserver.keys_directory": "/nowhere/keys",
}
PREFIXES = {
    "oauth.": "OAuth 2.0",
    "oidc.": "OpenID Connect, users and pages",
    "oidcserver.": "The server",
    "oauth_resource.": "Applications that check tokens",
}
UNITS = (("d", 86400), ("h", 3600), ("m", 60))
_NAMED = re.compile(r"(?<![`\w])(?:oauth|oidc|oidcserver|oauth_resource)\.[a-z_]+\b")
_NAME = re.compile(r"((?:oauth|oidc|oauth_resource)\.[a-z_]+)(?: *=.*)?")


@cache
def provider() -> Any:
    """Return a provider of the default settings."""
    with configured(MINIMAL, commanded=True) as config:
        pass
    return config.registry.oidc.provider


@cache
def settings() -> dict[str, Setting]:
    """Return every declared setting by name."""
    declared = [offer.value for offer in provider().catalog.offers("setting").values()]
    return {setting.name: setting for setting in sorted([*declared, *RESOURCE_SETTINGS], key=_name)}


def _name(setting: Setting) -> str:
    return setting.name


def type_name(setting: Setting) -> str:
    """Return the name of the type of a setting: that of its converter."""
    return str(setting.convert.__name__)  # type: ignore[attr-defined]


def type_description(setting: Setting) -> str:
    """Return half a sentence: what the docstring of the converter says that it returns."""
    first = inspect.cleandoc(setting.convert.__doc__ or "").partition("\n")[0]
    return _cell(first.removeprefix("Return ").rstrip("."))


def shown_default(setting: Setting) -> str:
    """Return the default as the ini file would have it; a duration also in its greatest unit."""
    value = setting.default
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{_plain(value)}`"
    if isinstance(value, tuple | list):
        return f"`{' '.join(value)}`" if value else "empty"
    if isinstance(value, str | int):
        unit = _greatest_unit(value) if type_name(setting) == "seconds" else ""
        return f"`{value}`{unit}" if value != "" else "empty"
    if setting.convert("") == value:
        return "empty"
    raise ValueError(f"The default of {setting.name} cannot be shown: {value!r}")


def _greatest_unit(seconds: int) -> str:
    units = (f" ({seconds // size}{name})" for name, size in UNITS if seconds % size == 0)
    return next(units, "") if seconds else ""


def allowed(setting: Setting) -> tuple[str, ...]:
    """Return the words that a setting takes: its own, or the names of what it selects from."""
    kind = provider().catalog.selected_by.get(setting.name)
    return setting.allowed or tuple(provider().catalog.offers(kind) if kind else ())


def settings_page() -> Iterator[str]:
    """Yield the lines of the reference in Markdown."""
    yield from ("## Types", "", "| type | value |", "| --- | --- |")
    types = {type_name(each): type_description(each) for each in settings().values()}
    for name in sorted(types):
        yield f"| `{name}` | {types[name]} |"
    for prefix, title in PREFIXES.items():
        yield from ("", f"## {title}: `{prefix}`", "")
        for setting in settings().values():
            if setting.name.startswith(prefix):
                yield from _entry(setting)
    yield from ("", "## Profiles", "")
    for name, offer in provider().catalog.offers("profile").items():
        yield f"`oauth.profile = {name}` changes these defaults:"
        yield ""
        yield from (f"- `{key} = {_plain(value)}`" for key, value in offer.value.defaults.items())


def _entry(setting: Setting) -> Iterator[str]:
    facts = [f"Type: `{type_name(setting)}`.", f"Default: {shown_default(setting)}."]
    if words := allowed(setting):
        facts.append(f"Allowed: {', '.join(f'`{word}`' for word in words)}.")
    if setting.secret or setting.convert is reference:
        facts.append("Its value is not shown.")
    yield from (f":::{{confval}} {setting.name}", _NAMED.sub(_as_code, setting.why), "")
    yield from (" ".join(facts), ":::", "")


def _as_code(found: re.Match[str]) -> str:
    return f"`{found[0]}`" if found[0] in settings() else found[0]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def commands_page() -> Iterator[str]:
    """Yield what each command says of itself, in Markdown."""
    for path, command in _commands(main, ("oidcserver",)):
        context = click.Context(command, info_name=" ".join(path), max_content_width=88)
        level = "#" * len(path)
        yield from (f"{level} {' '.join(path[1:])}", "", "```text")
        yield from (command.get_help(context), "```", "")


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[Any, click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


def rooms_page() -> Iterator[str]:
    """Yield the packages and modules directly below the package, with their first lines."""
    yield from ("| room | contents |", "| --- | --- |")
    for module in pkgutil.iter_modules(oidcserver.__path__):
        described = inspect.getdoc(import_module(f"oidcserver.{module.name}")) or ""
        summary = described.partition("\n")[0]
        name = f"{module.name}/" if module.ispkg else f"{module.name}.py"
        yield f"| `{name}` | {_cell(summary)} |"


def flows_page() -> Iterator[str]:
    """Yield the steps of each flow, with the first sentence of each function."""
    for name, offer in provider().catalog.offers("flow").items():
        yield from (f"#### {name}", "", "| step | what it does | where |", "| --- | --- | --- |")
        for step in offer.value:
            described = (inspect.getdoc(step.run) or "").partition("\n\n")[0]
            sentence = _cell(" ".join(described.split()))
            chosen = " Where it is selected." if step.when else ""
            yield f"| `{step.name}` | {sentence}{chosen} | `{step.run.__module__}` |"
        yield ""


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", r"\|")


def directive(lines: Any) -> type[SphinxDirective]:
    """Return a directive that stands for the Markdown of a function."""

    class Generated(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            return self.parse_text_to_nodes("\n".join(lines()), allow_section_headings=True)

    return Generated


class LinkSettings(SphinxTransform):
    """Links each setting that a page names in code, such as ``oauth.grants``, to its entry."""

    default_priority = 210

    def apply(self, **options: Any) -> None:
        """Replace the literals; warn of one that no setting and no route has as its name."""
        for literal in list(self.document.findall(nodes.literal)):
            match = _NAME.fullmatch(literal.astext())
            if match is None or isinstance(literal.parent, nodes.reference | pending_xref):
                continue
            if match[1] in provider().route_names:
                continue
            if match[1] not in settings():
                log.warning("There is no setting %s", match[1], location=literal)
                continue
            link = pending_xref(
                "", refdomain="std", reftype="confval", reftarget=match[1], refexplicit=True,
                refwarn=True, refdoc=self.env.docname,
            )  # fmt: skip
            literal.replace_self(link)
            link += literal


def without_config(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str, Any] | None:
    """Show a directive as it is called, without the Configurator that Pyramid passes."""
    if signature is None or not name.startswith("oidcserver.plugins.directives."):
        return None
    return re.sub(r"^\(config(: \w+)?(, )?", "(", signature), None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it all."""
    app.add_directive("settings-reference", directive(settings_page))
    app.add_directive("commands-reference", directive(commands_page))
    app.add_directive("flows-reference", directive(flows_page))
    app.add_directive("rooms-reference", directive(rooms_page))
    app.add_transform(LinkSettings)
    app.connect("autodoc-process-signature", without_config)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
