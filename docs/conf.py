"""How Sphinx builds these pages: ``make docs``, into build/docs."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "oidcserver"
author = "The oidcserver authors"
copyright = f"2026, {author}"
release = version = installed_version("oidcserver")

extensions = ["myst_parser", "sphinx.ext.autodoc", "reference"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
add_module_names = False
python_use_unqualified_type_names = True
nitpicky = True
# Pages exist for the names that plugins import (api.md), not for other projects' and internal ones.
_ROOMS = "accounts|cli|clients|endpoints|keys|models|operations|sessions"
_INTERNAL = rf"oidcserver\.({_ROOMS}|oauth\.server)\b.*"
nitpick_ignore_regex = [("py:.*", r"(?!oidcserver\b).*"), ("py:.*", _INTERNAL)]

html_theme = "furo"
html_title = "oidcserver"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False
