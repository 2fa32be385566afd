"""Mistakes in an ini file, as one sentence.

PasteDeploy, which reads the file for ``pserve``, reports them with tracebacks.
"""

import configparser
import re
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TypeVar

from plaster import PlasterError

from oidcserver.settings import ConfigurationProblem, nearest

#: The kinds of sections that PasteDeploy reads an application from.
_APPLICATIONS = ("app", "application", "composite", "composit", "pipeline", "filter-app")
_SERVERS = ("server",)

T = TypeVar("T")


def explain_ini_problem(problem: BaseException, ini: Path) -> str | None:
    """Return a sentence for an exception while an ini file is read; None for other exceptions."""
    match problem:
        case FileNotFoundError() if not ini.exists():
            return f"{ini} does not exist. Name the ini file, as in `pserve development.ini`."
        case OSError() if problem.filename and Path(problem.filename).samefile(ini):
            return f"{ini} cannot be read: {problem.strerror}."
        case UnicodeDecodeError():
            return f"{ini} is not UTF-8 text."
        case configparser.DuplicateOptionError():
            return (
                f"{ini}, line {problem.lineno}: {problem.option} is in [{problem.section}] twice. "
                "Keep one of the two."
            )
        case configparser.DuplicateSectionError():
            return (
                f"{ini}, line {problem.lineno}: the section [{problem.section}] appears twice. "
                "Merge the two."
            )
        case configparser.MissingSectionHeaderError():
            line = problem.line.strip()
            return f"{ini}, line {problem.lineno}: {line!r} comes before any [section]."
        case configparser.ParsingError():
            number, line = problem.errors[0]
            return (
                f"{ini}, line {number}: {line} is not `name = value`. A line that continues a "
                "value begins with a space."
            )
        case configparser.InterpolationError():
            return _interpolation(problem, ini)
        case PlasterError():
            return f"{ini} is not the name of an ini file, which has to end in .ini."
        case PackageNotFoundError():
            return (
                f"{ini}: `use = egg:{problem.name}` names a package that is not installed. The "
                "provider is egg:oidcserver."
            )
    if type(problem) is LookupError:
        return _missing_section(str(problem), ini)
    return None


def read_settings(ini: Path, load: Callable[[], T]) -> T:
    """Return the result of ``load()``, which reads an ini file.

    :raises ConfigurationProblem: with one sentence, if the file cannot be used.
    """
    try:
        return load()
    except Exception as problem:
        sentence = explain_ini_problem(problem, ini)
        if sentence is None:
            raise
        raise ConfigurationProblem(sentence) from None


def check_logging(ini: Path, load: Callable[[], None]) -> None:
    """Call ``load()``, which configures logging from an ini file.

    :raises ConfigurationProblem: with one sentence, if the sections for logging cannot be used.
    """
    try:
        read_settings(ini, load)
    except KeyError as problem:
        name = str(problem.args[0])
        raise ConfigurationProblem(
            f"{ini}: the logging sections name {name!r}, but there is no section of that name. See "
            "the end of production.ini for an example."
        ) from None
    except Exception as problem:
        raise ConfigurationProblem(
            f"{ini}: the logging sections cannot be used: {one_line(problem)}."
        ) from None


def make_importable(directory: str | Path) -> None:
    """Make the plugins beside an ini file importable; installed modules take precedence."""
    place = str(Path(directory).resolve())
    if place not in sys.path:
        sys.path.append(place)


def one_line(problem: BaseException) -> str:
    """Return the first line of an exception, without a full stop, to end a sentence with."""
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(problem).__name__


def _interpolation(problem: configparser.InterpolationError, ini: Path) -> str:
    where = f"{ini}: {problem.option} in [{problem.section}]"
    if isinstance(problem, configparser.InterpolationMissingOptionError):
        name = problem.reference
        return f"{where} refers to %({name})s, which is not defined. %(here)s is the directory."
    if isinstance(problem, configparser.InterpolationDepthError):
        return f"{where} refers to itself."
    return f"{where} contains a %. Write %% instead, except in references such as %(here)s."


def _missing_section(message: str, ini: Path) -> str:
    """Return a sentence about the section or entry point that PasteDeploy did not find."""
    found = re.match(r"No section (\S+) \(prefixed by '(\w+)'", message)
    if found is None:
        return f"{ini} cannot be used: {message.rstrip('.')}."
    name = "main" if found[1] == "None" else found[1].strip("'")
    kinds = _SERVERS if found[2] == "server" else _APPLICATIONS
    parser = configparser.RawConfigParser(strict=False)
    parser.read(ini, encoding="utf-8")
    wanted = f"{kinds[0]}:{name}"
    sections = [each for each in parser.sections() if each.partition(":")[0] in kinds]
    near = nearest(wanted, sections or parser.sections())
    there = ", ".join(f"[{each}]" for each in parser.sections()) or "none"
    return f"{ini} has no section [{wanted}].{near} Its sections: {there}."
