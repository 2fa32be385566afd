"""The startup check for secrets that the ini holds in the clear."""

import re

from oidcserver.settings import PREFIXES, Setting, is_secret, is_secret_name, reference
from oidcserver.types import Registry

#: A URL with a password, before the host or in the query, as PostgreSQL's may have it.
_URL_WITH_PASSWORD = re.compile(r"://[^@/\s]*:[^@\s]+@|[?&]password=[^&\s]")


def reject_clear_secrets(registry: Registry) -> str | None:
    """Return a sentence for each secret that the ini holds in production."""
    provider = registry.oidc.provider
    if provider.settings["oidcserver.mode"] != "production":
        return None
    found = [
        f"{name} holds a secret: in production it comes from env:NAME or file:PATH."
        for name, offer in provider.catalog.offers("setting").items()
        if _holds_secret(offer.value, registry.settings.get(name))
    ]
    return "\n".join(found) or None


def _holds_secret(setting: Setting, raw: object) -> bool:
    # A plugin's converter need not know env:NAME and file:PATH.
    may_refer = setting.convert is reference or setting.name.startswith(PREFIXES)
    if not (may_refer and isinstance(raw, str) and is_secret(setting, raw)):
        return False
    if is_secret_name(setting.name):
        return bool(raw.strip())
    return _URL_WITH_PASSWORD.search(raw) is not None
