"""The startup checks of ``oidc.user_directory = ldap``: one sentence for each mistake."""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from oidcserver.accounts.ldap import names
from oidcserver.http.addresses import is_this_machine
from oidcserver.oidc.claim_types import TYPES, types_of
from oidcserver.oidc.groups import CLAIMS as LISTS
from oidcserver.oidc.languages import plain_name
from oidcserver.types import Registry

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+", re.ASCII)
_PARENTHESES = re.compile(r"\((?:[&|!]|[^()]+)|\)")


def ldap_problem(registry: Registry) -> str | None:
    """Return the first mistake in the settings of the directory."""
    settings = registry.oidc.provider.settings
    if settings["oidc.user_directory"] != "ldap":
        return None
    return next(_problems(registry, settings), None)


def _problems(registry: Registry, settings: Mapping[str, Any]) -> Iterator[str]:
    yield from _server_problems(settings)
    yield from _credential_problems(settings)
    yield from _filter_problems(settings)
    yield from _claim_problems(registry, settings)
    for name in (names.TIMEOUT, names.PLACES, names.MAX_GROUPS):
        if not settings[name]:
            yield f"{name} is at least 1."
    if find_spec("ldap") is None:
        yield (
            "oidc.user_directory = ldap needs the package python-ldap: "
            "pip install 'oidcserver[ldap]'."
        )
    yield from _dn_problems(settings)


def _server_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    urls = settings[names.URL]
    if not urls:
        yield f"{names.URL} is missing: oidc.user_directory = ldap needs the LDAP server."
    servers = [_server(url) for url in urls]
    for url, server in zip(urls, servers, strict=True):
        if server is None:
            yield (
                f"{names.URL} = {url!r} is not the URL of an LDAP server such as "
                "ldaps://ldap.example.com."
            )
        elif not (
            server.scheme == "ldaps" or settings[names.STARTTLS] or is_this_machine(server.host)
        ):
            yield (
                f"{names.URL} = {url!r} would send passwords in the clear: take ldaps, or "
                f"{names.STARTTLS} = true."
            )
    if len({server.scheme for server in servers if server is not None}) > 1:
        yield f"{names.URL} has ldap and ldaps: all servers take the same."


class _Server(NamedTuple):
    scheme: str
    host: str


def _server(url: str) -> _Server | None:
    """Return the LDAP server of a URL, or None if it is not the URL of one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = not (parts.username or parts.path.strip("/") or parts.query or parts.fragment)
    usable = parts.scheme in {"ldap", "ldaps"} and parts.hostname and port != 0 and plain
    return _Server(parts.scheme, parts.hostname or "") if usable else None


def _credential_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    if not settings[names.BASE]:
        yield f"{names.BASE} is missing: it is the DN below which users are."
    if bool(settings[names.BIND_DN]) is not bool(settings[names.BIND_PASSWORD]):
        yield f"{names.BIND_DN} and {names.BIND_PASSWORD} need each other."


def _dn_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    from ldap.dn import is_dn

    for name in (names.BASE, names.GROUP_BASE, names.BIND_DN):
        if not is_dn(settings[name]):
            yield f"{name} = {settings[name]!r} is not a DN such as dc=example,dc=com."


def _filter_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in (names.USER_FILTER, names.DISABLED_FILTER, names.GROUP_FILTER):
        if settings[name] and not _is_filter(settings[name]):
            yield f"{name} = {settings[name]!r} is not a filter such as (uid={{username}})."
    if not names.COMPARISON.search(settings[names.USER_FILTER]):
        yield f"{names.USER_FILTER} compares an attribute with {{username}}: (uid={{username}})."
    group_filter = settings[names.GROUP_FILTER]
    if group_filter and not (names.DN in group_filter or names.USERNAME in group_filter):
        yield f"{names.GROUP_FILTER} names the user: (member={{dn}}) or (memberUid={{username}})."
    if group_filter and settings[names.GROUP_ATTRIBUTE]:
        yield f"{names.GROUP_FILTER} and {names.GROUP_ATTRIBUTE} exclude each other: keep one."
    if settings[names.NESTED_GROUPS] and names.DN not in group_filter:
        yield f"{names.NESTED_GROUPS} needs {names.GROUP_FILTER} with {{dn}}."


def _is_filter(pattern: str) -> bool:
    """Whether the parentheses of a filter belong together (RFC 4515)."""
    depth, end = 0, 0
    for found in _PARENTHESES.finditer(pattern):
        if found.start() != end or (depth == 0 and end > 0):
            return False
        depth, end = depth + (1 if found[0] != ")" else -1), found.end()
    return depth == 0 and 0 < end == len(pattern)


def _claim_problems(registry: Registry, settings: Mapping[str, Any]) -> Iterator[str]:
    single = (names.ID_ATTRIBUTE, names.USERNAME_ATTRIBUTE, names.GROUP_NAME_ATTRIBUTE)
    for name in (*single, names.GROUP_ATTRIBUTE):
        optional = name == names.GROUP_ATTRIBUTE and not settings[name]
        if not optional and not _ATTRIBUTE.fullmatch(settings[name]):
            yield f"{name} = {settings[name]!r} is not the name of an attribute."
    offered = {*registry.oidc.provider.claim_names, *LISTS}
    for word in settings[names.CLAIMS]:
        claim, _, attribute = word.partition("=")
        if not _ATTRIBUTE.fullmatch(attribute):
            yield f"{names.CLAIMS} takes claims such as email=mail, not {word!r}."
        elif plain_name(claim) not in offered:
            yield (
                f"{names.CLAIMS}: no scope here returns the claim {claim!r}; oidc.scope_claims can "
                "declare one."
            )
        elif claim == "updated_at" or types_of(settings, plain_name(claim)) == TYPES["object"]:
            # The times of LDAP are no numbers (RFC 4517 section 3.3.13).
            yield f"{names.CLAIMS}: no attribute can have a value of the claim {claim!r}."
