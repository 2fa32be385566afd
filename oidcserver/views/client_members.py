"""The fields of a client that the signed-in user may see and change."""

from collections.abc import Mapping
from typing import Any

from oidcserver.clients.columns import column_values, reject_unknown, split_columns
from oidcserver.clients.dynamic import rejected_exemption
from oidcserver.clients.fields import ABOUT, TEXTS, Field, sections
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import validate_client_metadata
from oidcserver.clients.sector import check_sector_identifier
from oidcserver.models import Client
from oidcserver.models.registered_client import DEFAULTS
from oidcserver.texts import _
from oidcserver.types import Provider, Request
from oidcserver.views.client_access import is_administrator
from oidcserver.views.client_form import options, read_form, stored_values

#: The members of RFC 7591 section 2.2, which have as many names as there are languages.
LANGUAGES = Field(
    "languages",
    _("In other languages"),
    TEXTS,
    _("One per line, such as client_name#de: Laden."),
)


def shown_sections(request: Request) -> list[tuple[str, list[Field]]]:
    """Return the fields of the form by section; columns are for administrators."""
    return [
        (title, [*fields, LANGUAGES] if title == ABOUT else fields)
        for title, fields in sections(request.oidc.provider, columns=is_administrator(request))
    ]


def shown_fields(request: Request) -> list[Field]:
    """Return the fields of the form."""
    return [field for _, fields in shown_sections(request) for field in fields]


def shown_values(request: Request, client: Client) -> dict[str, Any]:
    """Return the values of a client as the form shows them."""
    members = {**DEFAULTS, **client.client_metadata, **column_values(client)}
    members[LANGUAGES.name] = [
        f"{name}: {value}" for name, value in client.client_metadata.items() if "#" in name
    ]
    return stored_values(members, shown_fields(request))


def field_options(request: Request, values: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return the options of each field, including the present values of the client."""
    found = {}
    for field in shown_fields(request):
        offered = options(request.oidc.provider, field)
        names = {name for name, _ in offered}
        value = values[field.name]
        chosen = value if isinstance(value, list) else [value]
        more = [(name, name) for name in chosen if name and name not in names]
        found[field.name] = offered + more if offered else []
    return found


def read_members(
    request: Request, fields: list[Field], present: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metadata and the columns that the form sets.

    It may fetch a document from another host. No transaction is open while it waits.

    :param present: the metadata of the client so far.
    :raises InvalidClientMetadata: with the first member and what is wrong with it, and all others.
    """
    provider = request.oidc.provider
    given = read_form(request, fields)
    found = _read_languages(provider, given.pop(LANGUAGES.name) or [])
    given |= {name: found.get(name) for name in (*present, *found) if "#" in name}
    metadata, columns = split_columns(provider, given)
    checked = validate_client_metadata(provider, {**present, **metadata})
    if not is_administrator(request) and rejected_exemption(provider, checked, present):
        raise InvalidClientMetadata(
            "require_pkce", _("Only an administrator may exempt an application from PKCE.")
        )
    check_sector_identifier(request, checked, anybody=False)
    return metadata, columns


def sort_problems(
    problem: InvalidClientMetadata | None, values: Mapping[str, Any]
) -> tuple[dict[str, str], list[str]]:
    """Return the messages about fields by the field's name, and all other messages.

    :param values: the values of the form, by field.
    """
    errors: dict[str, str] = {}
    others = []
    for one in (problem, *problem.others) if problem is not None else ():
        name = LANGUAGES.name if "#" in one.field else one.field
        if name in values:
            errors.setdefault(name, one.sentence)
        else:
            others.append(one.sentence)
    return errors, others


def _read_languages(provider: Provider, lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, _separator, value = (part.strip() for part in line.partition(": "))
        if "#" not in name or not value or name in found:
            raise InvalidClientMetadata(
                LANGUAGES.name,
                _(
                    "Line ${number} has to be a member with a language and a text, such as "
                    "client_name#de: Laden, and each member only once.",
                    {"number": number},
                ),
            )
        found[name] = value
    reject_unknown(provider, found)
    return found
