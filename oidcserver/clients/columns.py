"""The columns of a client: an operator sets them, and the client cannot register them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oidcserver.clients.fields import COLUMNS
from oidcserver.clients.members import LOCALISED
from oidcserver.clients.problems import InvalidClientMetadata, printable
from oidcserver.clients.rules import known_members
from oidcserver.clients.values import boolean, group_names
from oidcserver.models import Client
from oidcserver.settings import nearest
from oidcserver.types import Provider


def split_columns(
    provider: Provider, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the members of client metadata, unchecked, and the columns, checked.

    :raises InvalidClientMetadata: with the column and the mistake.
    """
    metadata = {name: value for name, value in given.items() if name not in COLUMNS}
    columns = {name: value for name, value in given.items() if name in COLUMNS}
    return metadata, _check_columns(provider, columns)


def _check_columns(provider: Provider, values: Mapping[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    name = "access_token_format"
    if checked.get(name) not in (None, *provider.access_token_formats):
        offered = ", ".join(provider.access_token_formats)
        raise InvalidClientMetadata(name, f"{name} is not one of {offered}.")

    def flag(value: Any) -> bool:
        return False if value is None else boolean(value, provider)

    rules: dict[str, Callable[[Any], Any]] = {
        "resource_server": flag,
        "skip_consent": flag,
        "allowed_groups": lambda value: None if value is None else group_names(value, provider),
    }
    for name, rule in rules.items():
        if name in checked:
            try:
                checked[name] = rule(checked[name])
            except ValueError as problem:
                raise InvalidClientMetadata(name, f"{name} {problem}.") from None
    return checked


def column_values(client: Client) -> dict[str, Any]:
    """Return the columns of a client by name."""
    return {name: getattr(client, name) for name in sorted(COLUMNS)}


def set_columns(client: Client, columns: Mapping[str, Any]) -> None:
    """Set columns that were checked.

    :raises InvalidClientMetadata: if a client that registered itself, or publishes its metadata,
        would skip consent: it can change its redirect URIs.
    """
    if columns.get("skip_consent") and client.last_used_at is not None:
        raise InvalidClientMetadata(
            "skip_consent", "skip_consent is not for a client that registered itself."
        )
    for name, value in columns.items():
        setattr(client, name, value)


def reject_unknown(provider: Provider, names: Iterable[str]) -> None:
    """Reject a name that is not a field.

    :raises InvalidClientMetadata: with the nearest name that there is.
    """
    known = [*known_members(provider), *sorted(COLUMNS)]
    for name in names:
        base, tagged, _ = name.partition("#")
        if base in known and (not tagged or base in LOCALISED):
            continue
        near = nearest(base, known)
        raise InvalidClientMetadata(name, f"There is no member {printable(name)}.{near}")
