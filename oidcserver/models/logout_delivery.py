"""The logout tokens that are still to be delivered."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.models.base import Base, Identifier
from oidcserver.models.delivery import ClientDelivery


class LogoutDelivery(ClientDelivery, Base):
    """A logout that one client has to be told of (Back-Channel Logout section 2.5).

    Written with the end of the session; the token is made anew at each attempt.
    """

    __tablename__ = "logout_delivery"

    subject: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str] = mapped_column(Identifier)
