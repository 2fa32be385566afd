"""Translations in templates of ours and of plugins, whatever Jinja's settings of a host are.

In a template of a package that :func:`~oidcserver.plugins.directives.pages.add_oidc_translations`
names, ``{% trans %}`` and ``_("...")`` read the catalogue of that package, and ``{{ value }}``
translates a ``TranslationString``. A translation is text: its markup is escaped. Values are put in
afterwards, and escaped unless they are markup. Templates of other packages, such as those of an
application that embeds the provider, do not change.
"""

from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, nodes
from jinja2.ext import Extension, InternationalizationExtension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from markupsafe import Markup, escape
from pyramid.i18n import TranslationString
from pyramid.threadlocal import get_current_request

from oidcserver.languages.local_times import element
from oidcserver.texts import SOURCE, Locale, Moment

_CALLS = {"gettext": "oidcserver_gettext", "ngettext": "oidcserver_ngettext"}
_SHOWN = "oidcserver_shown"


def gettext(domain: str, sentence: str, **values: Any) -> Markup:
    """Return the translation of a sentence as markup."""
    return _filled(_locale().gettext(domain, sentence), values)


def ngettext(domain: str, singular: str, plural: str, number: int, **values: Any) -> Markup:
    """Return the translation of a sentence for a number as markup."""
    found = _locale().ngettext(domain, singular, plural, number)
    return _filled(found, {"num": number, **values})


def shown(value: Any) -> Any:
    """Return the translation of a ``TranslationString``, a time as the user reads it, and any other
    value as it is."""
    if isinstance(value, Moment):
        request = get_current_request()
        return (
            element(value, SOURCE.tag) if request is None else request.oidc.local_times.show(value)
        )
    return _locale().translate(value) if isinstance(value, TranslationString) else value


def _filled(sentence: str, values: dict[str, Any]) -> Markup:
    return escape(sentence) % {name: shown(value) for name, value in values.items()}


def _locale() -> Locale:
    # A macro that is imported has no request but this. A command has none.
    request = get_current_request()
    locale: Locale = SOURCE if request is None else request.oidc.locale
    return locale


class Translations(Extension):
    """The extension. Its tag replaces that of ``jinja2.ext.i18n`` in the named packages."""

    tags = {"trans"}
    priority = 200

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.extend(oidcserver_domains=set())
        environment.globals.update(
            {
                _CALLS["gettext"]: gettext,
                _CALLS["ngettext"]: ngettext,
                _SHOWN: shown,
            }
        )
        own = Environment(autoescape=True)
        self._grammar = InternationalizationExtension(own)
        own.newstyle_gettext = True  # type: ignore[attr-defined]
        own.policies["ext.i18n.trimmed"] = True

    def _domain(self, name: str | None) -> str | None:
        package = (name or "").partition(":")[0]
        domains: set[str] = self.environment.oidcserver_domains  # type: ignore[attr-defined]
        return package if package in domains else None

    def filter_stream(self, stream: TokenStream) -> TokenStream | Iterator[Token]:
        """Let ``_`` be ours, and show each value by :func:`shown`, outside of ``trans``."""
        domain = self._domain(stream.name)
        return stream if domain is None else _rewritten(stream, domain)

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Parse ``{% trans %}``."""
        domain = self._domain(parser.name)
        if domain is None:
            others = (it for it in self.environment.iter_extensions() if it is not self)
            *_rest, usual = (it for it in others if "trans" in it.tags)
            return usual.parse(parser)
        parsed = self._grammar.parse(parser)
        for node in parsed if isinstance(parsed, list) else [parsed]:
            for call in node.find_all(nodes.Call):
                if isinstance(call.node, nodes.Name) and call.node.name in _CALLS:
                    call.node.name = _CALLS[call.node.name]
                    call.args.insert(0, nodes.Const(domain))
        return parsed


def _rewritten(stream: TokenStream, domain: str) -> Iterator[Token]:
    within, before = False, ""
    for token in stream:
        line = token.lineno
        if before == "block_begin" and token.value in {"trans", "endtrans"}:
            within = token.value == "trans"
        before = token.type
        if token.test("name:_") and stream.current.type == "lparen":
            yield Token(line, "name", _CALLS["gettext"])
            yield next(stream)
            yield Token(line, "string", domain)
            yield Token(line, "comma", ",")
        elif token.type == "variable_begin" and not within:
            yield token
            yield Token(line, "name", _SHOWN)
            yield Token(line, "lparen", "(")
        elif token.type == "variable_end" and not within:
            yield Token(line, "rparen", ")")
            yield token
        else:
            yield token
