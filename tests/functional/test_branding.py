"""The look of the pages by the ini."""

import re
from pathlib import Path
from typing import Any

import pytest

from oidcserver.settings import ConfigurationProblem

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def written(directory: Path, name: str, content: bytes) -> str:
    (directory / name).write_bytes(content)
    return str(directory / name)


def test_without_settings_nothing_is_added(make_provider: Any) -> None:
    browser = make_provider().browser()
    page = browser.get("/login")
    assert "brand.css" not in page
    assert "brand-logo" not in page
    browser.get("/brand.css", status=404)


def test_logo_colour_style_and_links(make_provider: Any, tmp_path: Path) -> None:
    provider = make_provider(
        oidc__logo=written(tmp_path, "logo.png", PNG),
        oidc__accent_color="#0B5CAD",
        oidc__stylesheet=written(tmp_path, "own.css", b".brand { font-size: 30px }"),
        oidc__footer_links="Privacy | https://a.example/p?a=1&b=2\nHelp | mailto:x@y.example",
        oidc__service_name="Acme <Login>",
    )
    browser = provider.browser()
    page = browser.get("/login")
    sheets = [it["href"] for it in page.html.find_all("link", rel="stylesheet")]
    assert len(sheets) == 2
    sheet = browser.get(sheets[1])
    assert sheet.content_type == "text/css"
    assert "--accent: #0b5cad" in sheet
    assert sheet.text.endswith(".brand { font-size: 30px }")
    assert sheet.headers["Cache-Control"] == "public, max-age=2592000"
    logo = browser.get(page.html.find("img", class_="logo")["src"])
    assert (logo.content_type, logo.body) == ("image/png", PNG)
    assert logo.headers["X-Content-Type-Options"] == "nosniff"
    links = page.html.find("ul", class_="foot").find_all("a")
    assert [it["href"] for it in links] == [
        "https://a.example/p?a=1&b=2",
        "mailto:x@y.example",
    ]
    assert "Acme &lt;Login&gt;" in page


def test_the_url_changes_with_the_content(make_provider: Any, tmp_path: Path) -> None:
    urls = set()
    for content in (b"a {}", b"b {}"):
        style = written(tmp_path, "own.css", content)
        page = make_provider(oidc__stylesheet=style).browser().get("/login")
        urls.update(re.findall(r"/brand\.css\?x=\w+", page.text))
    assert len(urls) == 2


def test_a_script_in_a_picture_does_not_run(make_provider: Any, tmp_path: Path) -> None:
    browser = make_provider(oidc__logo=written(tmp_path, "logo.svg", SVG)).browser()
    logo = browser.get(browser.get("/login").html.find("img", class_="logo")["src"])
    assert logo.content_type == "image/svg+xml"
    assert logo.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oidc__accent_color": "red"}, "it takes a colour such as #16645c"),
        ({"oidc__accent_color": "#ffcc00"}, "it takes a darker colour"),
        ({"oidc__footer_links": "Privacy"}, "it takes lines such as"),
        ({"oidc__footer_links": "Privacy | javascript:alert(1)"}, "it takes lines such as"),
        ({"oidc__footer_links": "Privacy | https://[::1"}, "it takes lines such as"),
        ({"oidc__logo": "/nonexistent.png"}, "cannot be read"),
        ({"oidc__stylesheet": "/nonexistent.css"}, "cannot be read"),
    ],
)
def test_a_mistake_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**settings)


@pytest.mark.parametrize(("name", "content"), [("x.png", SVG), ("x.svg", b"nothing")])
def test_a_picture_is_judged_by_its_content(
    make_provider: Any, tmp_path: Path, name: str, content: bytes
) -> None:
    with pytest.raises(ConfigurationProblem, match="is no PNG, JPEG, GIF, WebP or SVG"):
        make_provider(oidc__logo=written(tmp_path, name, content))
