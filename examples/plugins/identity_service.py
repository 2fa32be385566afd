"""An upstream that a package declares: the identity service of a company, for all its products."""

from oidcserver.settings import reference
from oidcserver.types import Configurator

ISSUER = "https://id.company.example"


def includeme(config: Configurator) -> None:
    """Offer the upstream ``company``; each product has a secret of its own."""
    config.add_oauth_setting("company.secret", reference, "", "The secret that it gave us.")
    config.add_upstream(
        "company",
        issuer=ISSUER,
        client_id="product",
        client_secret=reference(config.registry.settings.get("company.secret", "")),
        label="Company account",
        claims={"name": "name", "email": "mail"},
        groups={"Employees": "staff"},
        allow_registration=True,
    )
