"""The style sheet: contrast (WCAG 2.2 sections 1.4.3 and 1.4.11) and what it must not load."""

import re
from itertools import chain
from pathlib import Path

import pytest

import oidcserver

CSS = (Path(oidcserver.__file__).parent / "static/oidcserver.css").read_text()
COLOUR = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")

_light, _dark = (
    dict(COLOUR.findall(block)) for block in re.findall(r":root \{(.*?)\n *\}", CSS, re.DOTALL)
)
SCHEMES = {"light": _light, "dark": {**_light, **_dark}}

#: Text on what it stands on: 4.5 to 1.
TEXT = [
    ("text", "ground"), ("text", "surface"), ("text", "note-ground"), ("text", "success-ground"),
    ("muted", "ground"), ("muted", "surface"), ("muted", "note-ground"),
    ("accent", "surface"), ("accent", "ground"), ("accent", "note-ground"),
    ("accent-strong", "surface"), ("accent-strong", "ground"),
    ("on-accent", "accent"), ("on-accent", "accent-strong"),
    ("danger", "surface"), ("danger", "danger-ground"), ("on-danger", "danger"),
]  # fmt: skip

#: Edges of fields and buttons, marks, and the focus: 3 to 1.
SHAPES = [
    ("edge", "surface"), ("accent", "surface"), ("accent", "ground"), ("accent", "note-ground"),
    ("danger", "surface"), ("danger", "danger-ground"), ("success", "success-ground"),
    ("focus", "surface"), ("focus", "ground"), ("focus", "note-ground"),
]  # fmt: skip


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("colour", "ground"), TEXT)
def test_text_is_readable(scheme: str, colour: str, ground: str) -> None:
    colours = SCHEMES[scheme]
    assert contrast(colours[colour], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("colour", "ground"), SHAPES)
def test_shapes_that_mean_something_are_visible(scheme: str, colour: str, ground: str) -> None:
    colours = SCHEMES[scheme]
    assert contrast(colours[colour], colours[ground]) >= 3


def test_both_schemes_have_every_colour_and_the_pairs_name_only_such() -> None:
    assert _light.keys() == _dark.keys()
    assert set(chain(*TEXT, *SHAPES)) <= _light.keys()


def test_colours_stand_in_variables_only() -> None:
    rules = re.sub(r":root \{.*?\n *\}", "", CSS, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-f]{3,8}\b", rules) == ["#ffffff"]  # behind a client's logo


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_motion_is_for_those_who_want_it() -> None:
    before, _, after = CSS.partition("(prefers-reduced-motion: no-preference)")
    assert "transition" in after
    assert "transition" not in before
    assert "animation" not in CSS


def test_focus_is_never_hidden_from_what_can_be_operated() -> None:
    assert re.findall(r"([^\n}]*)\{[^}]*outline: none", CSS) == ["main:focus "]


def test_the_style_sheet_names_no_left_and_right() -> None:
    """Pages may be written from right to left."""
    assert re.findall(r"\b(?:left|right)\b", CSS) == []
    four = re.findall(r"(?:margin|padding|inset|border-\w+): *([^;]+);", CSS)
    sides = [values.split() for values in four if len(values.split()) == 4]
    assert [values for values in sides if values[1] != values[3]] == []
