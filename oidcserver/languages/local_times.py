"""Times on pages: in the language of the page and in the time zone of the user.

The zone is the claim ``zoneinfo`` of the signed-in user (OpenID Connect Core section 5.1). Without
one a page says UTC, and a script replaces that by the zone of the browser.
"""

from functools import cache, cached_property
from zoneinfo import ZoneInfo, available_timezones

from babel.core import Locale as Formats
from babel.core import UnknownLocaleError, parse_locale
from babel.dates import format_date, format_time, get_datetime_format
from markupsafe import Markup

from oidcserver.texts import SOURCE, Moment
from oidcserver.types import Request


class LocalTimes:
    """``request.oidc.local_times``: how the page of a request shows times."""

    def __init__(self, request: Request) -> None:
        self._request = request
        #: Whether the page shows a time that the script adapts.
        self.needs_script = False

    @cached_property
    def zone(self) -> ZoneInfo | None:
        """The time zone of the user, or None."""
        session = self._request.oidc.login_session
        name = session.user.claims.get("zoneinfo") if session is not None else None
        return ZoneInfo(name) if isinstance(name, str) and is_zone(name) else None

    def show(self, moment: Moment) -> Markup:
        """Return a time as an element ``time``."""
        if self.zone is None:
            self.needs_script = True
            self._request.oidc.content_security_policy.allow("script-src", "'self'")
        return element(moment, self._request.oidc.locale.tag, self.zone)


def element(moment: Moment, tag: str, zone: ZoneInfo | None = None) -> Markup:
    """Return the element ``time`` of a time in the language of a tag.

    :param zone: None: UTC, which is named.
    """
    formats, time = _formats(tag), moment.at(zone)
    text = (
        str(get_datetime_format("medium", locale=formats))
        .replace("'", "")
        .replace("{0}", format_time(time, "short", locale=formats))
        .replace("{1}", format_date(time, "medium", locale=formats))
    )
    if zone is not None:
        return Markup('<time datetime="{}" dir="auto">{}</time>').format(moment.iso, text)
    return Markup('<time datetime="{}" dir="auto" data-utc>{} UTC</time>').format(moment.iso, text)


@cache
def _formats(tag: str) -> Formats:
    """Return the formats of a language; English where there are none."""
    try:
        return Formats(*parse_locale(tag, sep="-")[:4])
    except (ValueError, UnknownLocaleError):
        return Formats(SOURCE.tag)


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def zones() -> tuple[str, ...]:
    """Return the names of the time zones (IANA) of places, and UTC."""
    return ("UTC", *sorted(it for it in _known_zones() if "/" in it and not it.startswith("Etc/")))


def is_zone(name: str) -> bool:
    """Whether a text is the name of a time zone."""
    return name in _known_zones()
