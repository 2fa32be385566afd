"""The start of a server by ``pserve``; a mistake becomes one sentence on standard error."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

from waitress.adjustments import Adjustments

from oidcserver.operations.ini_file import explain_ini_problem
from oidcserver.operations.serving import CannotListen, serve
from oidcserver.settings import ConfigurationProblem, nearest

#: The options for the address of a server.
PLACES = ("listen", "host", "port")


def make_server(global_config: Mapping[str, str], **settings: str) -> Callable[..., None]:
    """Return the function that serves an application (PasteDeploy's ``server_factory``).

    ``pserve`` calls this before it reads the application's section, so a mistake in that section
    becomes one sentence too. A syntax error in the file ends ``pserve`` before this call.

    :raises ConfigurationProblem: for an option that waitress does not have.
    """
    check_options(settings)
    if "__script__" in global_config:  # pserve sets this, and the process is its own
        ini = Path(global_config["__file__"])
        sys.excepthook = partial(_say_problem, ini, sys.excepthook)
    return partial(serve, global_config=global_config, **settings)


def check_options(settings: Mapping[str, str]) -> None:
    """Check the options of a ``[server:...]`` section.

    :raises ConfigurationProblem: for an option that waitress does not have or cannot read.
    """
    converters = {**dict(Adjustments._params), "request_timeout": int}
    for name, value in settings.items():
        if name not in converters:
            near = nearest(name, converters) or f" The options are: {', '.join(converters)}."
            raise ConfigurationProblem(f"The server has no option {name!r}.{near}")
        try:
            converters[name](value)
        except ValueError:
            raise ConfigurationProblem(
                f"The server's option {name} = {value!r} is not a whole number."
            ) from None
    places = [f"{name} = {settings[name]!r}" for name in PLACES if name in settings]
    no_place = (
        f"The server cannot listen at {' and '.join(places)}. Write an address such as "
        "127.0.0.1:6543 or [::1]:6543."
    )
    ports = [word.rpartition(":")[2] for word in settings.get("listen", "").split()]
    # getaddrinfo() takes the rest of the division by 65536.
    if any(it.isdecimal() and int(it) > 65535 for it in (*ports, settings.get("port", ""))):
        raise ConfigurationProblem(no_place)
    try:
        Adjustments(**{name: settings[name] for name in settings if name != "request_timeout"})
    except ValueError as problem:
        if "host/port" in str(problem):
            raise ConfigurationProblem(no_place) from None
        raise ConfigurationProblem(f"The server's options cannot be used: {problem}") from None


def _say_problem(
    ini: Path,
    otherwise: Callable[[type[BaseException], BaseException, TracebackType | None], object],
    kind: type[BaseException],
    problem: BaseException,
    place: TracebackType | None,
) -> None:
    """Print the sentence for an exception that ends the process, or its traceback."""
    if isinstance(problem, CannotListen):
        sentence: str | None = str(problem)
    else:
        sentence = explain_ini_problem(problem, ini)
    if sentence is None:
        otherwise(kind, problem, place)
    else:
        print(sentence, file=sys.stderr)  # noqa: T201
