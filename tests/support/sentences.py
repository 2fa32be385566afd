"""The sentences of the package, as Babel finds them in its modules and templates."""

import tomllib
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

import oidcserver

PACKAGE = Path(oidcserver.__file__).parent
LOCALE = PACKAGE / "locale"
LANGUAGES = sorted(path.name for path in LOCALE.iterdir() if path.is_dir())
KEYWORDS = {**DEFAULT_KEYWORDS, "Counted": (1, 2)}


@lru_cache
def sentences() -> Catalog:
    """Every sentence that a page may show, by the rules of pyproject.toml."""
    rules = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["babel"]
    methods = [(rule["pattern"], rule["method"]) for rule in rules["mappings"]]
    options = {rule.pop("pattern"): rule for rule in rules["mappings"] if rule.pop("method")}
    found = Catalog(charset="utf-8")
    for place, line, message, comments, _context in extract_from_dir(
        PACKAGE, methods, options, KEYWORDS
    ):
        found.add(message, locations=[(place, line)], auto_comments=comments)
    return found


@lru_cache
def catalogue(language: str) -> Catalog:
    """The catalogue of a language, which a translator edits."""
    path = LOCALE / language / "LC_MESSAGES" / "oidcserver.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)
