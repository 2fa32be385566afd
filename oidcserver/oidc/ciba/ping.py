"""The ping mode (CIBA section 10.2): the client is notified that the user has decided.

The notification has no token: the client fetches the tokens with its own credentials.
"""

import json
import logging

from oidcserver import clock
from oidcserver.http.outbound import Redirected
from oidcserver.keys.strict_json import compact
from oidcserver.models import BackchannelRequest, Client, PingDelivery
from oidcserver.operations.client_outbox import ClientOutbox
from oidcserver.operations.outbox import Undeliverable
from oidcserver.types import FetchResult, Provider, Request

MEMBER = "backchannel_client_notification_endpoint"
#: The purpose of the seal on the two credentials of a notification.
PURPOSE = "CIBA notification"


class PingDeliverer(ClientOutbox[PingDelivery]):
    """Delivers notifications; ``registry.oidc.ping_deliverer``."""

    model = PingDelivery
    member = MEMBER
    occasion = "a decision"
    log = logging.getLogger("oidcserver.ciba")
    # A client must not redirect, and the provider must not follow.
    final = (Redirected,)

    def post(self, client: Client, delivery: PingDelivery, uri: str) -> FetchResult:
        """Send the ``auth_req_id`` as JSON, with the client's own token in the header."""
        content = self.registry.oidc.provider.sealer(PURPOSE).unseal(delivery.content_sealed)
        if content is None:
            raise Undeliverable("The sealing key of the notification is gone.")
        auth_req_id, token = json.loads(content)
        headers = {"Authorization": f"Bearer {token}"}
        return self.fetcher.post_json(uri, {"auth_req_id": auth_req_id}, headers)

    def rejected(self, result: FetchResult) -> str | None:
        """Return why 401 and 403 are final: the client would reject the same token again."""
        if result.status not in {401, 403}:
            return None
        return f"The client rejected its notification token with status {result.status}."


def seal_ping(provider: Provider, auth_req_id: str, client_notification_token: str) -> str:
    """Return the two credentials of a notification, sealed: the database holds none in plain."""
    content = compact([auth_req_id, client_notification_token]).encode()
    sealed: str = provider.sealer(PURPOSE).seal(content)
    return sealed


def queue_ping(request: Request, asked: BackchannelRequest) -> None:
    """Write the notification of a decision, and send it once the transaction is committed."""
    if asked.ping_sealed is None:
        return
    delivery = PingDelivery(
        client_id=asked.client_id,
        content_sealed=asked.ping_sealed,
        expires_at=asked.expires_at,
        next_attempt_at=clock.now(),
    )
    request.oidc.dbsession.add(delivery)
    deliverer = getattr(request.registry.oidc, "ping_deliverer", None)
    if deliverer is not None:  # the mode may have been deselected since
        request.oidc.database.after_commit(deliverer.look)
