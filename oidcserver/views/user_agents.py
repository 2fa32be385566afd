"""Names of browsers, from their User-Agent field (RFC 9110 section 10.1.5)."""

from oidcserver.texts import _

#: Pairs of a text in the field and a name. The first match counts, since most fields also contain
#: the texts of the entries below them.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MAX_UNKNOWN = 60


def describe_user_agent(user_agent: str) -> str:
    """Return a name such as ``Firefox on Linux``; for others the beginning of the field."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser is None:
        return user_agent[:MAX_UNKNOWN].strip() or _("A browser")
    if system is None:
        return browser
    return _("${browser} on ${system}", {"browser": browser, "system": system})


def _first(marks: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for mark, name in marks if mark in user_agent), None)
