"""The page that shows mail in development, where no mail server is set."""

from typing import Any

from oidcserver.mail import is_shown
from oidcserver.mail.message import unseal
from oidcserver.models.mail import waiting_mail
from oidcserver.texts import Moment
from oidcserver.types import Configurator, Registry, Request

LIMIT = 50


def show(request: Request) -> dict[str, Any]:
    """Show the mail that the provider would have sent, the newest first."""
    provider = request.oidc.provider
    rows = waiting_mail(request.oidc.dbsession, LIMIT)
    contents = ((row, unseal(provider, row.content_sealed)) for row in rows)
    return {
        "mails": [
            (content, Moment(row.created_at)) for row, content in contents if content is not None
        ]
    }


def _require_that_mail_is_shown(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if "oidc.mail" in provider.route_names and not is_shown(provider):
        return (
            "oidc.pages selects mail, which shows mail that is not sent: it is for development "
            "without oidc.mail_url."
        )
    return None


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.mail", "/mail")
        config.add_oidc_view(
            show,
            route_name="oidc.mail",
            request_method="GET",
            renderer="oidcserver:templates/mail.jinja2",
        )

    config.add_oauth_page("mail", register)
    config.add_startup_check("mail page", _require_that_mail_is_shown)
