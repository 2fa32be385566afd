"""``oidcserver users show``."""

import json
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.accounts.ways_in import counts
from oidcserver.cli.application import (
    ini_argument,
    json_option,
    open_registry,
    show,
    transaction,
    when,
)
from oidcserver.cli.users import find
from oidcserver.models import Consent, LoginSession, User
from oidcserver.models.group import groups_of_link, memberships_of
from oidcserver.models.login_session import is_live
from oidcserver.models.passkey import passkeys_of
from oidcserver.models.remembered_device import devices_of
from oidcserver.models.second_factor import count_recovery_codes, has_authenticator_app
from oidcserver.models.upstream import links_of
from oidcserver.types import Provider


@click.command("show")
@ini_argument
@click.argument("name")
@json_option
def show_user(ini: Path, name: str, as_json: bool) -> None:
    """Show what is stored about a user.

    Example: oidcserver users show production.ini alice
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        user = find(dbsession, name)
        known = _described(registry.oidc.provider, dbsession, user)
    if as_json:
        show(known)
        return
    for name_of_value, value in known.items():
        click.echo(f"{name_of_value}: {_shown(name_of_value, value)}")


def _shown(name: str, value: Any) -> str:
    if name.endswith("_at"):
        return when(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return ", ".join(_shown("", item) for item in value) or "-"
    return str(value)


def _described(provider: Provider, dbsession: Session, user: User) -> dict[str, Any]:
    now, idle_lifetime = clock.now(), provider.settings["oidc.session_idle_lifetime"]
    live = (LoginSession.user_id == user.id, is_live(now, now - idle_lifetime))
    applications = select(Consent.client_id).where(Consent.user_id == user.id)
    return {
        "id": user.id,
        "username": user.username,
        "directory": user.realm,
        "id_in_directory": user.external_id,
        "has_password": user.password_hash is not None,
        "claims": user.claims,
        "groups": list(memberships_of(dbsession, user.id)),
        "passkeys": [passkey.name for passkey in passkeys_of(dbsession, user.id)],
        "has_authenticator_app": has_authenticator_app(dbsession, user.id),
        "recovery_codes_left": count_recovery_codes(dbsession, user.id),
        "remembered_devices": len(devices_of(dbsession, user)),
        "connected_sign_ins": [
            {
                "upstream": link.upstream,
                "issuer": link.issuer,
                "subject": link.subject,
                "counts": counts(provider, link),
                "groups": list(groups_of_link(dbsession, link.id)),
            }
            for link in links_of(dbsession, user.id)
        ],
        "applications": list(dbsession.scalars(applications.order_by(Consent.client_id))),
        "sessions": dbsession.scalar(select(func.count(LoginSession.id)).where(*live)),
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "disabled_at": user.disabled_at,
        "left_at": user.left_at,
    }
