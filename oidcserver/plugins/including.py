"""Includes the plugins that the ini names, or stops the start with one sentence.

An exception of a plugin is logged with its traceback first, for the author of the plugin.
"""

import logging
import pkgutil
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pyramid
from pyramid.config import Configurator as PyramidConfigurator
from pyramid.exceptions import (
    ConfigurationConflictError,
    ConfigurationError,
    ConfigurationExecutionError,
)

from oidcserver.plugins.directives import DIRECTIVES
from oidcserver.settings import ConfigurationProblem, nearest
from oidcserver.types import Configurator

log = logging.getLogger(__name__)

SETTING = "oidcserver.includes"
_PYRAMID = str(Path(pyramid.__file__).parent)


def include_plugin(config: Configurator, name: str) -> None:
    """Include a plugin.

    :raises ConfigurationProblem: if there is no such plugin, or it raises.
    """
    try:
        module = import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or not f"{name}.".startswith(f"{problem.name}."):
            raise _broken(name, "cannot be imported", problem) from None
        raise ConfigurationProblem(_not_found(name, problem.name)) from None
    except Exception as problem:
        raise _broken(name, "cannot be imported", problem) from None
    if not callable(getattr(module, "includeme", None)):
        raise ConfigurationProblem(
            f"{SETTING} names {name!r}, but {getattr(module, '__file__', name)} has no function "
            "includeme(config), which a plugin needs."
        )
    try:
        config.include(module)
    except AttributeError as problem:
        if problem.obj is not config and type(problem.obj) is not type(config):
            raise _broken(name, "cannot be included", problem) from None
        directives = [directive.__name__ for directive in DIRECTIVES]
        near = nearest(str(problem.name), directives) or f" On offer: {', '.join(directives)}."
        raise ConfigurationProblem(
            f"The plugin {name!r} calls config.{problem.name} ({_where(problem)}), a directive "
            f"that does not exist.{near}"
        ) from None
    except Exception as problem:
        raise _broken(name, "cannot be included", problem) from None


@contextmanager
def configured(settings: Mapping[str, Any], *, commanded: bool = False) -> Iterator[Configurator]:
    """Yield the Configurator of a provider that is an application of its own.

    :param commanded: whether it is for a command, which may create the schema and the keys.
    :raises ConfigurationProblem: at the end, if the configuration is rejected.
    """
    try:
        with PyramidConfigurator(settings=dict(settings)) as config:
            config.include("oidcserver")
            config.registry.oidc.provider.embedded = False
            config.registry.oidc.provider.commanded = commanded
            yield config
    except ConfigurationConflictError as problem:
        text = " ".join(str(problem).split())
        raise ConfigurationProblem(f"{text}: keep one of them.") from None
    except ConfigurationExecutionError as problem:
        log.error("The configuration cannot be carried out.", exc_info=problem)
        raise ConfigurationProblem(
            f"The configuration cannot be carried out ({_where(problem.evalue)}): "
            f"{_text_of(problem.evalue)}"
        ) from None
    except ConfigurationError as problem:
        raise ConfigurationProblem(_text_of(problem)) from None


def _not_found(name: str, missing: str) -> str:
    parent, _, last = name.rpartition(".")
    if missing != name:
        parent, _, last = missing.rpartition(".")
    try:
        path = import_module(parent).__path__ if parent else None
        beside = [module.name for module in pkgutil.iter_modules(path)]
    except (ImportError, AttributeError):
        beside = []
    near = nearest(last, beside)
    return (
        f"{SETTING} names {name!r}, but there is no module {missing!r}.{near} Modules are found in "
        "the environment, and beside the ini file."
    )


def _broken(name: str, what: str, problem: Exception) -> ConfigurationProblem:
    log.error("The plugin %s %s.", name, what, exc_info=problem)
    return ConfigurationProblem(
        f"The plugin {name!r} {what} ({_where(problem)}): {_text_of(problem)}"
    )


def _where(problem: BaseException) -> str:
    """Return the file and line that raised, or that called Pyramid if Pyramid raised."""
    if isinstance(problem, SyntaxError):
        return f"{problem.filename}:{problem.lineno}"
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_PYRAMID)] or frames
    return f"{own[-1].filename}:{own[-1].lineno}"


def _text_of(problem: BaseException) -> str:
    text = " ".join(str(problem).split()).rstrip(".")
    return f"{type(problem).__name__}: {text}." if text else f"{type(problem).__name__}."
