"""``oidcserver check`` and ``explain``: mistakes that stop a start, and the effective settings."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from plaster import get_loader, setup_logging

from oidcserver.cli.application import (
    ini_argument,
    json_option,
    open_registry,
    show,
    transaction,
)
from oidcserver.cli.client_explanation import client_explanation
from oidcserver.cli.keys import require_keys
from oidcserver.operations.ini_file import check_logging, read_settings
from oidcserver.operations.schema import check_schema
from oidcserver.plugins.selection import startup_warnings
from oidcserver.settings import Setting, is_secret, refers
from oidcserver.types import Provider, Registry


@click.command()
@ini_argument
def check(ini: Path) -> None:
    """Check whether the server can start with this ini file.

    If it cannot, the command prints the first mistake and exits with 1.

    It checks the file, logging, the server's options, the configuration, the keys and the schema,
    as a start does. It does not change the database, and it connects to no other server, such as
    that of LDAP or of mail. Run it before a restart.

    Example: oidcserver check production.ini
    """
    registry = open_registry(ini)
    require_keys(registry)
    check_logging(ini, partial(setup_logging, str(ini)))
    read_settings(ini, lambda: get_loader(str(ini), ["wsgi"]).get_wsgi_server())
    check_schema(registry)
    click.echo(f"The server can start: {registry.oidc.provider.issuer}")


@click.command()
@ini_argument
@click.option("--client", "client_id", help="Explain what this client may request instead.")
@json_option
def explain(ini: Path, client_id: str | None, as_json: bool) -> None:
    """Print the effective configuration.

    The output has the settings, the parts that they select, the code that offers each part, and the
    steps of each flow in order.

    If the server would reject the configuration, the command fails with the same message.

    Example: oidcserver explain development.ini
    """
    registry = open_registry(ini)
    if client_id is None:
        explained = explanation(registry)
    else:
        with transaction(registry) as dbsession:
            explained = client_explanation(registry.oidc.provider, dbsession, client_id)
    if as_json:
        show(explained)
        return
    for title, entries in explained.items():
        click.secho(f"\n{title}", bold=True)
        rows = entries.items() if isinstance(entries, dict) else enumerate(entries, 1)
        for name, entry in rows:
            click.echo(f"  {name}: {_line(entry)}")


def explanation(registry: Registry) -> dict[str, Any]:
    """Return the effective configuration by kind; JSON values only."""
    provider = registry.oidc.provider
    selected = {
        "grant": set(provider.grants),
        "client authentication method": set(provider.client_authentication_methods),
        "endpoint": set(provider.endpoints),
        "page": set(provider.settings["oidc.pages"]),
        "scope": set(provider.scopes),
        "resource": set(provider.resources),
        "authorization details type": set(provider.authorization_details_types),
        "token exchange policy": {provider.settings["oauth.token_exchange_policy"]},
        "access token format": set(provider.access_token_formats),
        "response mode": set(provider.response_modes),
        "user directory": {provider.settings["oidc.user_directory"]},
        "first factor": set(provider.first_factors),
        "authentication method": set(provider.second_factors),
        "upstream": set(provider.upstreams),
        "claims source": set(provider.claims_sources),
        "acr value": set(provider.acr_pages),
        "profile": {provider.settings["oauth.profile"]},
    }
    explained: dict[str, Any] = {"settings": _settings(registry)}
    for kind, names in selected.items():
        explained[f"{kind}s".replace("ys", "ies")] = {
            name: {
                "selected": name in names,
                "offered_at": offer.where,
                **({"claims": list(offer.value.claims)} if kind == "scope" else {}),
            }
            for name, offer in provider.catalog.offers(kind).items()
        }
    explained["response types"] = sorted(provider.response_types)
    for flow in provider.flows:
        explained[f"flow {flow}"] = _steps(provider, flow)
    explained["interactions"] = [interaction.name for interaction in provider.interactions]
    explained["discovery"] = dict(provider.discovery())
    explained["warnings"] = startup_warnings(registry)
    return explained


def _steps(provider: Provider, flow: str) -> list[dict[str, str]]:
    """Return the steps of a flow in order; those that plugins insert with file and line."""
    inserted = provider.catalog.offers(f"{flow} step")
    return [
        {
            "name": step.name,
            "function": step.where,
            **({"inserted_at": inserted[step.name].where} if step.name in inserted else {}),
        }
        for step in provider.flows[flow]
    ]


def _settings(registry: Registry) -> dict[str, Any]:
    provider, raw = registry.oidc.provider, registry.settings
    offers = provider.catalog.offers("setting")
    return {
        name: {
            "value": _shown(offer.value, provider.settings[name], raw.get(name)),
            "from": provider.settings.origins[name],
            "declared_at": offer.where,
            "why": offer.value.why,
        }
        for name, offer in sorted(offers.items())
    }


def _shown(setting: Setting, value: Any, raw: Any) -> Any:
    """Return a value for JSON; for a secret, return ``(given)``."""
    if refers(raw):
        return raw.strip()
    if value and is_secret(setting, raw):
        return "(given)"
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_words(item)}" for name, item in value.items())
    return [str(item) for item in value] if isinstance(value, tuple) else str(value)


def _words(item: Any) -> str:
    return " ".join(map(str, item)) if isinstance(item, tuple) else str(item)


def _line(entry: Any) -> str:
    if isinstance(entry, dict) and "function" in entry:
        place = f"  inserted at {entry['inserted_at']}" if "inserted_at" in entry else ""
        return f"{entry['name']}  {entry['function']}{place}"
    if isinstance(entry, dict) and "value" in entry:
        value = entry["value"]
        text = " ".join(map(str, value)) if isinstance(value, list) else value
        return f"{text}  ({entry['from']}) {entry['why']}"
    if isinstance(entry, dict) and "selected" in entry:
        claims = f"  claims: {' '.join(entry['claims'])}" if entry.get("claims") else ""
        state = "selected" if entry["selected"] else "not selected"
        return f"{state}  {entry['offered_at']}{claims}"
    return " ".join(map(str, entry)) if isinstance(entry, list) else str(entry)
