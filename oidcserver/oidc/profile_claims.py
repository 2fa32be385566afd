"""The claims that users may write about themselves, and their shapes (OpenID Connect Core 5.1)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from oidcserver.languages.local_times import is_zone
from oidcserver.texts import LANGUAGE_TAG, _, is_plain

MAX_NAME, MAX_URL, MAX_ADDRESS = 200, 2000, 1000
_BIRTHDATE = re.compile(r"(?P<year>\d{4})(-(?P<month>\d\d)-(?P<day>\d\d))?", re.ASCII)
#: A year in which 29 February exists, for dates without a year.
_LEAP_YEAR = 2000
_PHONE = re.compile(r"\+[0-9 ().-]{2,40}(;ext=\d{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shape:
    """A claim on the page: its label, what may be entered, and how a browser fills it in.

    ``check`` returns whether a text, which is not empty, is a value.
    """

    label: str
    check: Callable[[str], bool]
    #: The sentence for a text that is no value.
    problem: str
    autocomplete: str = ""
    #: text, url, tel, zone or lines.
    kind: str = "text"
    help: str = ""


def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME and is_plain(text)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    plain = len(text) <= MAX_URL and is_plain(text) and not re.search(r"[\s\"'<>\\]", text)
    return plain and parts.scheme in {"https", "http"} and bool(host) and parts.username is None


def _is_birthdate(text: str) -> bool:
    """Whether it is YYYY-MM-DD, with the year 0000 if it is left out, or YYYY."""
    match = _BIRTHDATE.fullmatch(text)
    if match is None:
        return False
    year = int(match["year"])
    if match["month"] is None:
        return year > 0
    try:
        date(year or _LEAP_YEAR, int(match["month"]), int(match["day"]))
    except ValueError:
        return False
    return True


def _is_locale(text: str) -> bool:
    return len(text) <= MAX_NAME and LANGUAGE_TAG.fullmatch(text.replace("_", "-")) is not None


def _is_phone_number(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    return len(text) <= MAX_ADDRESS and all(map(is_plain, text.splitlines()))


_NAME = _("Enter at most 200 characters, without control characters.")
_URL = _("Enter a web address, such as https://ada.example.")
SHAPES: dict[str, Shape] = {
    "name": Shape(_("Full name"), _is_name, _NAME, "name"),
    "given_name": Shape(_("Given name"), _is_name, _NAME, "given-name"),
    "middle_name": Shape(_("Middle name"), _is_name, _NAME, "additional-name"),
    "family_name": Shape(_("Family name"), _is_name, _NAME, "family-name"),
    "nickname": Shape(_("Nickname"), _is_name, _NAME, "nickname"),
    "gender": Shape(_("Gender"), _is_name, _NAME, "sex"),
    "birthdate": Shape(
        _("Date of birth"),
        _is_birthdate,
        _("Enter a date such as 1815-12-10, or a year."),
        "bday",
        help=_("Such as 1815-12-10. The year 0000 leaves the year out."),
    ),
    "picture": Shape(_("Address of your picture"), _is_url, _URL, "photo", "url"),
    "profile": Shape(_("Address of your profile page"), _is_url, _URL, "url", "url"),
    "website": Shape(_("Address of your website"), _is_url, _URL, "url", "url"),
    "zoneinfo": Shape(_("Time zone"), is_zone, _("Choose a time zone."), kind="zone"),
    "locale": Shape(
        _("Language"),
        _is_locale,
        _("Enter a language tag such as en or de-AT."),
        "language",
        help=_("A language tag such as en or de-AT, for applications."),
    ),
    "phone_number": Shape(
        _("Phone number"),
        _is_phone_number,
        _("Enter a number with the country code, such as +44 20 7946 0000."),
        "tel",
        "tel",
    ),
    "address": Shape(
        _("Postal address"),
        _is_address,
        _("Enter at most 1000 characters, without control characters."),
        "street-address",
        "lines",
    ),
}


def shown_value(claims: Any, name: str) -> str:
    """Return the text of a claim for its field; empty if there is none."""
    value = claims.get(name)
    if name == "address" and isinstance(value, dict):
        value = value.get("formatted")
    return value if isinstance(value, str) else ""


def with_values(claims: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """Return claims with the entered values; an empty one is left out.

    A phone number that changes is not verified any more.
    """
    changed = dict(claims)
    for name, value in values.items():
        if value == shown_value(claims, name):
            continue
        changed.pop(name, None)
        if name == "phone_number":
            changed.pop("phone_number_verified", None)
        if value:
            changed[name] = {"formatted": value} if name == "address" else value
    return changed
