"""The types that plugin authors program against: complete, and shipped with the package."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import oidcserver
from oidcserver.plugins.directives import DIRECTIVES
from oidcserver.plugins.offering import offer
from oidcserver.plugins.request_attributes import add_oidc_attribute, add_oidc_method
from oidcserver.resource.protected_resources import add_protected_resource
from oidcserver.types import Configurator


def signature(function: Callable[..., Any]) -> tuple[list[Any], dict[str, Any]]:
    """Names, kinds, defaults and types of the parameters after ``self`` or the configurator."""
    first, *parameters = inspect.signature(function).parameters.values()
    types = get_type_hints(function)
    types.pop(first.name, None)
    return [(it.name, it.kind, it.default) for it in parameters], types


@pytest.mark.parametrize(
    "directive",
    [*DIRECTIVES, add_oidc_attribute, add_oidc_method, add_protected_resource],
    ids=lambda it: it.__name__,
)
def test_the_configurator_has_the_signature_of_each_directive(
    directive: Callable[..., None],
) -> None:
    assert signature(getattr(Configurator, directive.__name__)) == signature(directive)


def test_the_directive_for_kinds_of_offers_has_its_signature() -> None:
    assert signature(Configurator.add_oauth_offer) == signature(offer)


def test_the_package_ships_its_types_and_catalogues(tmp_path: Path) -> None:
    project = Path(oidcserver.__file__).parent.parent
    base = str(tmp_path)
    command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", base]
    command += ["build", "--build-base", base, "--build-lib", f"{base}/built"]
    subprocess.run(command, cwd=project, check=True, timeout=120, capture_output=True)
    built = tmp_path / "built/oidcserver"
    assert (built / "py.typed").is_file()
    catalogues = {path.parent.parent.name for path in built.glob("locale/*/LC_MESSAGES/*.mo")}
    assert catalogues == {"ar", "de", "es", "fr"}
