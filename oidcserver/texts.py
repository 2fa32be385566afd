"""Texts of others that pages show to users."""

import unicodedata

#: Joiners, which Persian, Indic scripts and emoji need; other invisible characters are not plain.
_JOINERS = "\u200c\u200d"


def is_plain(text: str) -> bool:
    """Return whether a text has no control, bidi, private or line-breaking characters."""
    categories = (unicodedata.category(c) for c in text if c not in _JOINERS)
    return not any(name[0] == "C" or name in {"Zl", "Zp"} for name in categories)
