"""The mail that a provider of the tests has made, as its readers see it."""

import re
from dataclasses import dataclass

from sqlalchemy import select
from support.app import Provider

from oidcserver.mail.message import unseal
from oidcserver.models import Mail


@dataclass(frozen=True)
class Letter:
    """A mail that waits to be sent."""

    to: str
    subject: str
    text: str
    link: str

    @property
    def path(self) -> str:
        """The link without scheme and host."""
        return re.sub(r"^https?://[^/]*", "", self.link)

    @property
    def code(self) -> str:
        """The code to type."""
        [code] = re.findall(r"^    (\d{4} \d{4})$", self.text, re.MULTILINE)
        return str(code)


def letters(provider: Provider) -> list[Letter]:
    """Return the mail that waits, the oldest first."""
    with provider.database() as dbsession:
        rows = dbsession.scalars(
            select(Mail).where(Mail.ended_at.is_(None)).order_by(Mail.created_at, Mail.id)
        ).all()
        sealed = [row.content_sealed for row in rows]
    contents = [unseal(provider.registry.oidc.provider, each) for each in sealed]
    return [Letter(it.to, it.subject, it.text, it.link) for it in contents if it is not None]
