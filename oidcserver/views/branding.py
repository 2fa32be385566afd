"""The look of the pages by the ini: a logo, a colour, a style sheet, and links at the end.

The files are read at the start. Their URLs have a digest of their content, so browsers may keep
them.
"""

import hashlib
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pyramid.response import Response

from oidcserver.http.pictures import media_type_of
from oidcserver.plugins.selection import SELECT
from oidcserver.settings import ConfigurationProblem, lines, path
from oidcserver.types import Configurator, Request

LOGO, COLOR, STYLE, LINKS = (
    f"oidc.{name}" for name in ("logo", "accent_color", "stylesheet", "footer_links")
)
ROUTE_STYLE, ROUTE_LOGO = "oidc.brand_style", "oidc.brand_logo"
MAX_AGE = 30 * 86400
MAX_BYTES = 1 << 20
#: WCAG 2.2 success criterion 1.4.3.
LEAST_CONTRAST = 4.5
_COLOR = re.compile(r"#[0-9a-f]{6}")


#: The colour on a light and, mixed with white, on a dark ground.
ACCENT = """\
:root {
  --accent: %(accent)s;
  --accent-strong: color-mix(in srgb, %(accent)s 80%%, black);
  --on-accent: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --accent: color-mix(in srgb, %(accent)s 40%%, white);
    --accent-strong: color-mix(in srgb, %(accent)s 25%%, white);
    --on-accent: #0b1414;
  }
}
"""


@dataclass(frozen=True, slots=True)
class BrandFile:
    """A file of the operator, as it is served."""

    body: bytes
    content_type: str

    @property
    def digest(self) -> str:
        """A text that changes with the content."""
        return hashlib.sha256(self.body).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Branding:
    """The look of the pages, as set in the ini file."""

    logo: BrandFile | None = None
    style: BrandFile | None = None
    #: Labels and URLs at the end of each page.
    links: tuple[tuple[str, str], ...] = field(default=())


def color(raw: str) -> str:
    """Return a colour such as ``#16645c`` on which white text can be read."""
    text = raw.strip().lower()
    if not text:
        return ""
    if not _COLOR.fullmatch(text):
        raise ValueError("a colour such as #16645c")
    contrast = 1.05 / (_luminance(text) + 0.05)
    if contrast < LEAST_CONTRAST:
        raise ValueError(
            f"a darker colour: white text on it has a contrast of {contrast:.1f}, and "
            f"{LEAST_CONTRAST} is needed (WCAG 2.2)"
        )
    return text


def footer_links(raw: str) -> tuple[tuple[str, str], ...]:
    """Return labels and URLs, one ``Label | URL`` a line."""
    found = []
    for line in lines(raw):
        label, separator, url = (part.strip() for part in line.partition("|"))
        try:
            linked = urlsplit(url).scheme in {"https", "http", "mailto"}
        except ValueError:
            linked = False
        if not (label and separator and linked):
            raise ValueError("lines such as `Privacy | https://example.com/privacy`")
        found.append((label, url))
    return tuple(found)


def _luminance(text: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2, definition)."""
    parts = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _read(setting: str, file: Path) -> bytes:
    try:
        body = file.read_bytes()
    except OSError as problem:
        raise ConfigurationProblem(
            f"{setting} = {file} cannot be read ({problem.strerror})."
        ) from None
    if len(body) > MAX_BYTES:
        raise ConfigurationProblem(f"{setting} = {file} has more than {MAX_BYTES >> 20} MiB.")
    return body


def _picture(file: Path) -> BrandFile:
    """Return a picture, whose type is judged by its content."""
    body = _read(LOGO, file)
    content_type = media_type_of(body)
    if content_type is not None:
        return BrandFile(body, content_type)
    if file.suffix == ".svg" and b"<svg" in body[:1024]:
        return BrandFile(body, "image/svg+xml")
    raise ConfigurationProblem(f"{LOGO} = {file} is no PNG, JPEG, GIF, WebP or SVG picture.")


def _style(accent: str, file: Path | None) -> BrandFile | None:
    parts = []
    if accent:
        parts.append(ACCENT % {"accent": accent})
    if file is not None:
        parts.append(_read(STYLE, file).decode("utf-8", "replace"))
    return BrandFile("".join(parts).encode(), "text/css") if parts else None


def show_style(request: Request) -> Response:
    """Return the style sheet."""
    return _serve(request.oidc.branding.style)


def show_logo(request: Request) -> Response:
    """Return the logo."""
    return _serve(request.oidc.branding.logo)


def _serve(file: BrandFile) -> Response:
    response = Response(body=file.body, content_type=file.content_type)
    response.charset = "utf-8" if file.content_type == "text/css" else None
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    # A picture may hold scripts, which must not run if its URL is opened.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def branding(request: Request) -> Branding:
    """Return the look of the pages: ``request.oidc.branding``."""
    found: Branding = request.registry.oidc.branding
    return found


def brand_path(request: Request, file: BrandFile) -> str:
    """Return the path of a file of the operator."""
    route = ROUTE_STYLE if file.content_type == "text/css" else ROUTE_LOGO
    url = request.oidc.url(route, _query={"x": file.digest})
    return url.removeprefix(request.oidc.provider.origin)


def _select(config: Configurator) -> None:
    settings = config.registry.oidc.provider.settings
    logo = _picture(settings[LOGO]) if settings[LOGO] else None
    style = _style(settings[COLOR], settings[STYLE])
    config.registry.oidc.branding = Branding(logo, style, settings[LINKS])
    for route, pattern, view, file in (
        (ROUTE_STYLE, "/brand.css", show_style, style),
        (ROUTE_LOGO, "/brand-logo", show_logo, logo),
    ):
        if file is not None:
            config.add_oidc_route(route, pattern)
            config.add_oidc_view(view, route_name=route, request_method="GET")
            config.registry.oidc.provider.route_names.add(route)


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.branding`` and the settings."""
    setting = config.add_oauth_setting
    setting(LOGO, path, None, "A picture in place of the lock before the provider's name.")
    setting(COLOR, color, "", "The colour of buttons and links, such as #16645c.")
    setting(STYLE, path, None, "A style sheet that comes after that of the pages.")
    setting(LINKS, footer_links, (), "Links at the end of each page, one `Label | URL` a line.")
    config.add_oidc_attribute("branding", branding)
    config.add_oidc_method(brand_path)
    config.action(("oauth", "branding"), partial(_select, config), order=SELECT)
