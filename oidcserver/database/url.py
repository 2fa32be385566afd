"""The URL of the database: parsed and checked at the start."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from oidcserver.settings import nearest

#: The supported drivers and the package of each; a URL may omit the driver.
DRIVERS = {"sqlite+pysqlite": None, "postgresql+psycopg": "oidcserver[postgresql]"}
_FORMS = ("sqlite:///PATH", "postgresql://USER@HOST/DATABASE")
#: Names that other software uses for these.
_OTHER_NAMES = {"postgres": "postgresql", "pgsql": "postgresql"}


def read_url(text: str) -> URL:
    """Return a URL that names its driver, which is installed.

    :raises ValueError: with the rest of a sentence that begins with the setting; it has no
        password.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(f"is not the URL of a database: it takes {' or '.join(_FORMS)}.") from None
    except ValueError:
        raise ValueError(
            "has a port that is not a number. In a user name or a password, : / @ and % are "
            "written %3A %2F %40 and %25."
        ) from None
    if "@" in (url.host or ""):
        # The rest would be taken for the host, and shown in errors.
        raise ValueError(
            "has more than one @. In a user name or a password, : / @ and % are written %3A %2F "
            "%40 and %25."
        )
    backend = url.get_backend_name()
    backend = _OTHER_NAMES.get(backend, backend)
    name = next((each for each in DRIVERS if each.startswith(f"{backend}+")), "")
    if not name or url.drivername not in {name, backend}:
        near = f" Did you mean {backend!r}?" if name else nearest(url.drivername, DRIVERS)
        raise ValueError(
            f"begins with {url.drivername!r}, which is not supported.{near} It takes "
            f"{' or '.join(_FORMS)}."
        )
    url = url.set(drivername=name)
    try:
        url.get_dialect().import_dbapi()
    except ImportError as problem:
        raise ValueError(
            f"needs the module {problem.name}, which is not installed: "
            f"`pip install '{DRIVERS[name]}'`."
        ) from None
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError(
            "names no file: each thread would have a database of its own. It takes sqlite:///PATH."
        )
    return url


def shown_url(url: URL) -> str:
    """Return a URL as it may be shown: without its password."""
    return url.render_as_string(hide_password=True)
