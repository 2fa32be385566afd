"""Sentences that users read, and texts of others that pages show to them."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from markupsafe import Markup
from pyramid.i18n import TranslationString, TranslationStringFactory, make_localizer

DOMAIN = "oidcserver"

#: Marks a sentence that pages show: ``_("Sign in")``, ``_("Wait ${time}.", {"time": time})``. A
#: template shows its translation; anywhere else it is the English text.
_: Callable[..., str] = TranslationStringFactory(DOMAIN)

#: A language tag, simplified (RFC 5646 section 2.1).
LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
#: Languages that are written from right to left.
_RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}
)

#: The places for values in Python (``${name}``) and in templates (``%(name)s``), and other texts
#: that a formatting function might take for one.
_PLACES = re.compile(r"\$\{\w*\}|\$\w+|%\(\w*\)s|%%|[%{}]")

#: Joiners, which Persian, Indic scripts and emoji need; other invisible characters are not plain.
_JOINERS = "\u200c\u200d"


def is_plain(text: str) -> bool:
    """Return whether a text has no control, bidi, private or line-breaking characters."""
    categories = (unicodedata.category(c) for c in text if c not in _JOINERS)
    return not any(name[0] == "C" or name in {"Zl", "Zp"} for name in categories)


def with_ascii_digits(text: str) -> str:
    """Return a text with the digits 0 to 9 in the place of those of other scripts."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def places(text: str) -> frozenset[str]:
    """Return the places for values in a sentence."""
    return frozenset(_PLACES.findall(text))


class Counted(TranslationString):
    """A sentence for a number of things, which takes the place of ``${count}``."""

    plural: str
    count: int

    def __new__(cls, singular: str, plural: str, count: int) -> "Counted":
        """Return the sentence; the singular may leave the number out."""
        self: Counted = super().__new__(cls, singular, DOMAIN, mapping={"count": count})
        self.plural, self.count = plural, count
        return self


@dataclass(frozen=True, slots=True)
class Moment:
    """A time to the minute, which pages show as an element ``time``."""

    #: Since the epoch.
    seconds: int

    def at(self, zone: tzinfo | None) -> datetime:
        """Return the time in a zone; None: UTC."""
        return datetime.fromtimestamp(self.seconds, zone or UTC)

    @property
    def iso(self) -> str:
        """The attribute ``datetime``."""
        return self.at(UTC).strftime("%Y-%m-%dT%H:%MZ")


def english(text: str) -> Markup:
    """Return a text that is English on every page, as what is for developers is."""
    return Markup('<span lang="en" dir="ltr">{}</span>').format(text)


@lru_cache(maxsize=4096)
def agrees(sentence: str, translation: str, *, plural: bool = False) -> bool:
    """Return whether a translation has the places of its sentence, so that it can replace it.

    :param plural: whether it is one of the plural forms of a sentence; such a form may leave the
        number out, as in "two minutes".
    """
    own, others = places(sentence), places(translation)
    return others <= own if plural else others == own


@dataclass(frozen=True, slots=True)
class Locale:
    """A language of the pages, with its catalogues (a ``pyramid.i18n.Localizer``)."""

    #: The language tag (RFC 5646).
    tag: str
    localizer: Any

    @property
    def direction(self) -> str:
        """The attribute ``dir`` of its pages."""
        return "rtl" if self.tag.partition("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"

    @property
    def name(self) -> str:
        """The name of the language in itself."""
        # Translators: the name of your language, in your language.
        return self.translate(_("English"))

    def gettext(self, domain: str, sentence: str) -> str:
        """Return the translation of a sentence, or the sentence where none can replace it."""
        found: str = self.localizer.translations.dgettext(domain, sentence)
        return found if agrees(sentence, found) else sentence

    def ngettext(self, domain: str, singular: str, plural: str, number: int) -> str:
        """Return the translation of a sentence for a number of things."""
        found: str = self.localizer.translations.dngettext(domain, singular, plural, number)
        if agrees(plural, found, plural=True):
            return found
        return singular if number == 1 else plural

    def join(self, texts: Iterable[str]) -> str:
        """Return the translations of texts, with commas between them."""
        # Translators: the comma between the items of a list.
        comma = self.translate(_(","))
        return f"{comma} ".join(map(self.translate, texts))

    def translate(self, text: str) -> str:
        """Return the translation of a ``TranslationString``; any other text as it is.

        Values that are such texts too are translated.
        """
        if not isinstance(text, TranslationString):
            return text
        if isinstance(text, Counted):
            found = self.ngettext(DOMAIN, str(text), text.plural, text.count)
        else:
            bare = TranslationString(str(text), text.domain, text.default, None, text.context)
            found = self.localizer.translate(bare)
            found = found if agrees(text.default, found) else text.default
        values = {name: self.translate(value) for name, value in (text.mapping or {}).items()}
        filled: str = TranslationString(str(text), mapping=values).interpolate(found)
        return filled


#: The language of the sentences in templates and Python.
SOURCE = Locale("en", make_localizer("en", ()))
