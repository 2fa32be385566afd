"""Core settings: name, converter, default and reason; and the converters of ini values.

A converter takes the text of the ini and returns a value, or raises ``ValueError`` with half a
sentence that says what is expected ("a number of seconds such as 600, 10m, 1h or 14d").
"""

import difflib
import os
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Converter = Callable[[str], Any]

#: Names of settings that are secrets, even if the plugin that declares one does not say so.
_SECRET_NAME = re.compile("(password|passphrase|secret|credential|private_key|api_?key)s?$")

#: The prefixes that belong to this package: an unknown key below them stops the start.
PREFIXES = ("oauth.", "oidc.", "oidcserver.")


class ConfigurationProblem(SystemExit):
    """The configuration cannot be used. The text is a sentence for the operator.

    As a ``SystemExit`` it ends ``pserve`` with that sentence instead of a traceback.
    """


class ReferenceProblem(ValueError):
    """The file or variable that a value names cannot be used; the text is a sentence without a full
    stop."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean ...?" with the known name that is most similar, or ""."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the ini file: its converter, its default (already converted) and its reason."""

    name: str
    convert: Converter
    default: Any
    why: str
    #: Whether its value must not be shown, as a password.
    secret: bool = False
    #: The words that its value may consist of; empty: any.
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A converted value and where it came from: ``ini``, ``default``, or ``profile NAME``."""

    value: Any
    origin: str


def text(raw: str) -> str:
    """Return the text without surrounding white space."""
    return raw.strip()


def reference(raw: str) -> str:
    """Return a text, or the value that ``env:NAME`` or ``file:PATH`` refers to (for secrets)."""
    scheme, separator, name = raw.strip().partition(":")
    if separator and scheme == "env":
        if name not in os.environ:
            raise ReferenceProblem(
                f"the environment variable {name} is not set; set it for this command and for the "
                "service, or write file:PATH"
            )
        return os.environ[name].strip()
    if separator and scheme == "file":
        try:
            path = Path(name).expanduser()
        except RuntimeError:
            raise ReferenceProblem(
                f"the path {name} begins with ~ and the name of no user"
            ) from None
        if not path.is_absolute():
            raise ReferenceProblem(
                f"the path {name} is relative, and a service may run in another directory; write "
                "the whole path, or %(here)s/ for the directory of the ini file"
            )
        try:
            return path.read_text().strip()
        except OSError as problem:
            raise ReferenceProblem(
                f"the file {name} cannot be read ({problem.strerror}); it has to exist and be "
                "readable by the user that runs this command"
            ) from None
        except ValueError:
            raise ReferenceProblem(f"the file {name!r} is no text in UTF-8") from None
    return raw.strip()


def words(raw: str) -> tuple[str, ...]:
    """Return the words of a list, each once, in their order; white space separates them."""
    if "," in raw:
        raise ValueError("words with white space between them, and no comma")
    return tuple(dict.fromkeys(raw.split()))


def lines(raw: str) -> tuple[str, ...]:
    """Return the lines of a list, each once, in their order, for items that hold spaces."""
    stripped = (line.strip() for line in raw.splitlines())
    return tuple(dict.fromkeys(line for line in stripped if line))


def boolean(raw: str) -> bool:
    """Return the truth of ``true``/``false``, ``yes``/``no``, ``on``/``off`` or ``1``/``0``."""
    lowered = raw.strip().lower()
    if lowered in {"true", "yes", "on", "1"}:
        return True
    if lowered in {"false", "no", "off", "0"}:
        return False
    raise ValueError("true or false")


def integer(raw: str) -> int:
    """Return a whole number that is not negative."""
    if not re.fullmatch(r"\s*\d{1,12}\s*", raw, re.ASCII):
        raise ValueError("a whole number such as 100")
    return int(raw)


def seconds(raw: str) -> int:
    """Return a duration in seconds: ``600``, or with a unit ``10m``, ``1h``, ``14d``."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*([smhd]?)\s*", raw, re.ASCII)
    if not match:
        raise ValueError("a number of seconds such as 600, or 10m, 1h, 14d")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def path(raw: str) -> Path:
    """Return a file system path; ``~`` stands for the home directory."""
    if not raw.strip() or "\0" in raw:
        raise ValueError("a path")
    try:
        return Path(raw.strip()).expanduser()
    except RuntimeError:  # ~NAME of no user
        raise ValueError("a path; ~ stands for a home directory") from None


def ca_bundle(raw: str) -> Path:
    """Return the path of a file of certificates (PEM), which is read at the start."""
    found = path(raw)
    try:
        context = ssl.create_default_context(cafile=found)
    except ssl.SSLError:
        problem = "holds no certificate (PEM)"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    else:
        problem = "" if context.cert_store_stats()["x509"] else "holds no certificate (PEM)"
    if problem:
        raise ReferenceProblem(f"the file {found} {problem}")
    return found


def cookie_prefix(raw: str) -> str:
    """Return the beginning of a cookie's name, or nothing."""
    prefix = raw.strip()
    if not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63})?", prefix):
        raise ValueError("up to 64 letters, digits, - and _, beginning with a letter or digit")
    return prefix


def issuer(raw: str) -> str:
    """Return an issuer identifier (RFC 8414 section 2): http(s), no query, no fragment."""
    url = raw.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("a URL such as https://login.example.com")
    if parts.query or parts.fragment or parts.username or url.endswith(("/", "?", "#")):
        raise ValueError("a URL without user, query, fragment or trailing slash")
    return url


CORE: tuple[Setting, ...] = (
    Setting("oidc.issuer", issuer, None, "The public URL of the provider; tokens carry it as iss."),
    Setting("oidcserver.mode", text, "production",
            "Development makes what is missing (keys, schema) and allows http on loopback.",
            allowed=("production", "development")),
    Setting("oidcserver.includes", words, (), "Plugins: dotted names that are included last."),
    Setting("oauth.profile", text, "", "A set of defaults and rules, such as oauth21."),
    Setting("oauth.grants", words, ("authorization_code", "refresh_token"),
            "The grants that exist."),
    Setting("oauth.response_types", lines, (),
            "The response types that exist, one a line; empty: all that the grants offer."),
    Setting("oauth.response_modes", words, ("query", "fragment", "form_post"),
            "How an authorization response may travel."),
    Setting("oauth.token_endpoint_auth_methods", words,
            ("client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
            "How a client may authenticate."),
    Setting("oauth.endpoints", words,
            ("authorization", "token", "revocation", "introspection", "userinfo", "end_session",
             "jwks", "openid_configuration", "oauth_authorization_server"),
            "The endpoints that exist."),
    Setting("oauth.scopes", words, (), "The scopes that exist; empty: all that are offered."),
    Setting("oauth.authorization_details_types", words, (),
            "The types of authorization details that exist; empty: all that plugins offer."),
    Setting("oidc.pages", words, ("login", "consent", "logout", "home", "language"),
            "The pages that exist."),
    Setting("oidc.subject_types", words, ("public", "pairwise"),
            "How a client may know a user: by one subject for all clients, or by one of its own."),
    Setting("oidc.user_directory", text, "database", "Where users and passwords are kept."),
    Setting("oidc.claims_sources", words, (),
            "More sources of claims; a later one takes precedence; empty: all that are offered."),
)  # fmt: skip


class Settings(Mapping[str, Any]):
    """The converted settings, by name; unknown names are a ``KeyError``, a bug of the caller."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = {name: entry.value for name, entry in values.items()}
        self.origins = {name: entry.origin for name, entry in values.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def set_by(self, name: str) -> str:
        """Return " (set by oauth.profile = NAME)" for a value of the profile, otherwise ""."""
        kind, _, profile = self.origins[name].partition(" ")
        return f" (set by oauth.profile = {profile})" if kind == "profile" else ""


def convert_settings(
    declared: Iterable[Setting],
    raw: Mapping[str, Any],
    profile: str = "",
    profile_defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Convert the values of the declared settings.

    :raises ConfigurationProblem: for a value that a converter rejects, or that is not allowed.
    """
    defaults = profile_defaults or {}
    values: dict[str, Value] = {}
    for setting in declared:
        if setting.name in raw:
            value = _convert(setting, raw[setting.name])
            _require_allowed(setting, value)
            values[setting.name] = Value(value, "ini")
        elif setting.name in defaults:
            values[setting.name] = Value(defaults[setting.name], f"profile {profile}")
        else:
            values[setting.name] = Value(setting.default, "default")
    return Settings(values)


def _convert(setting: Setting, raw: Any) -> Any:
    if not isinstance(raw, str):  # given from Python, by an embedding application or a test
        return raw
    try:
        return setting.convert(raw)
    except ReferenceProblem as problem:
        raise ConfigurationProblem(f"{setting.name}: {problem}.") from None
    except ValueError as problem:
        shown = setting.name if is_secret(setting, raw) else f"{setting.name} = {raw.strip()!r}"
        raise ConfigurationProblem(f"{shown} cannot be read: it takes {problem}.") from None


def _require_allowed(setting: Setting, value: Any) -> None:
    allowed = ", ".join(setting.allowed)
    if not allowed:
        return
    if isinstance(value, str) and value not in setting.allowed:
        raise ConfigurationProblem(
            f"{setting.name} = {value!r} cannot be read: it takes one of {allowed}."
        )
    if isinstance(value, tuple | list) and (unknown := sorted(set(value) - set(setting.allowed))):
        raise ConfigurationProblem(
            f"{setting.name} takes some of {allowed}, not {', '.join(unknown)}."
        )


def refers(raw: Any) -> bool:
    """Whether the ini refers to a value instead of holding it; see :func:`reference`."""
    return isinstance(raw, str) and raw.strip().startswith(("env:", "file:"))


def is_secret_name(name: str) -> bool:
    """Whether a setting with this name is a secret as a whole, such as a password."""
    return _SECRET_NAME.search(name) is not None


def is_secret(setting: Setting, raw: Any) -> bool:
    """Whether the value of a setting in the ini must not be shown.

    It must not if the setting is declared as a secret or may be a reference, or if its name is that
    of a secret. A reference itself may be shown.
    """
    kept = setting.secret or setting.convert is reference or is_secret_name(setting.name)
    return kept and not refers(raw)
