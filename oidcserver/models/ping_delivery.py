"""The notifications of CIBA's ping mode that are still to be delivered."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.models.base import Base
from oidcserver.models.delivery import ClientDelivery


class PingDelivery(ClientDelivery, Base):
    """A decision on a backchannel request that its client has to be told of (CIBA section 10.2)."""

    __tablename__ = "ping_delivery"

    #: ``BackchannelRequest.ping_sealed``
    content_sealed: Mapped[str] = mapped_column(Text)
