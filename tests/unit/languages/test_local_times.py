"""Times as a page shows them: in a language, and in a zone."""

from zoneinfo import ZoneInfo

import pytest

from oidcserver.languages.local_times import element, is_zone
from oidcserver.texts import Moment

MOMENT = Moment(1_796_000_000)


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("en", "Nov 30, 2026, 12:53\u202fAM UTC"),
        ("de", "30.11.2026, 00:53 UTC"),
        ("de-AT", "30.11.2026, 00:53 UTC"),
        ("fr", "30 nov. 2026, 00:53 UTC"),
        ("x-nobody", "Nov 30, 2026, 12:53\u202fAM UTC"),
    ],
)
def test_without_a_zone_the_time_says_utc(tag: str, shown: str) -> None:
    written = element(MOMENT, tag)
    assert written == f'<time datetime="2026-11-30T00:53Z" dir="auto" data-utc>{shown}</time>'


def test_in_a_zone_it_is_another_day() -> None:
    written = element(MOMENT, "de", ZoneInfo("America/New_York"))
    assert written == '<time datetime="2026-11-30T00:53Z" dir="auto">29.11.2026, 19:53</time>'


def test_the_names_of_zones() -> None:
    assert is_zone("Europe/Berlin")
    assert is_zone("UTC")
    for name in ("", "Europe", "../UTC", "/etc/localtime", "europe/berlin"):
        assert not is_zone(name)
