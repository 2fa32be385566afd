"""The routes in Pyramid's own tools and under the defaults of an application."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from support.app import DEVELOPMENT

import oidcserver

DEVELOPMENT_INI = Path(oidcserver.__file__).parent.parent / "development.ini"


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> dict[str, list[str]]:
    """Return the views of each route, as `proutes development.ini` prints them."""
    ini = tmp_path_factory.mktemp("proutes") / "development.ini"
    text = DEVELOPMENT_INI.read_text().replace("%(here)s/keys", str(keys_directory))
    ini.write_text(text)
    printed = subprocess.run(
        [Path(sys.executable).with_name("proutes"), ini],
        capture_output=True, check=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    found: dict[str, list[str]] = {}
    for line in printed.splitlines():
        # Of a route with a root factory, proutes also prints Pyramid's object for all views.
        if not line.startswith("oidc.") or "MultiView" in line:
            continue
        name, _, view, _ = line.split()
        found.setdefault(name, []).append(view)
    return found


def test_proutes_names_the_view_of_each_endpoint(views: dict[str, list[str]]) -> None:
    modules = {
        **dict.fromkeys(("openid_configuration", "oauth_authorization_server"), "discovery"),
        "pushed_authorization_request": "pushed_authorization",
    }
    endpoints = [name for name in views if name.endswith("_endpoint")]
    assert len(endpoints) >= 10
    for route in endpoints:
        name = route.removeprefix("oidc.").removesuffix("_endpoint")
        module = modules.get(name, name)
        assert views[route] == [f"oidcserver.endpoints.{module}.{module}"]


def test_each_view_is_found_in_the_module_that_proutes_names(views: dict[str, list[str]]) -> None:
    ours = [(name, view) for name in views for view in views[name]]
    assert len(ours) >= 25
    for route, view in ours:
        module_name, _, function_name = view.rpartition(".")
        module = import_module(module_name)
        function = inspect.unwrap(getattr(module, function_name))
        assert function.__code__.co_filename == module.__file__, (route, view)


def test_the_defaults_of_an_application_do_not_reach_the_endpoints(
    provider_url: str, keys_directory: Path
) -> None:
    class Nobody:
        """Permits nothing."""

        def permits(self, request: Any, context: Any, permission: str) -> bool:
            return False

        def identity(self, request: Any) -> None:
            return None

        authenticated_userid = identity

    settings = {
        **DEVELOPMENT,
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=settings) as config:
        config.set_security_policy(Nobody())
        config.set_default_permission("enter")
        config.set_default_csrf_options(require_csrf=True)
        config.include("oidcserver")
    wsgi = config.make_wsgi_app()
    http = webtest.TestApp(wsgi)
    http.get("/.well-known/openid-configuration", status=200)
    http.get("/oauth/jwks.json", status=200)
    http.get("/oauth/userinfo", status=401)
    refused = http.post("/oauth/token", {"grant_type": "client_credentials"}, status=401)
    assert refused.json["error"] == "invalid_client"
    http.get("/oauth/token", status=405)
    wsgi.registry.oidc.database.engine.dispose()
