"""One pushed request, opened for the first time at once at several processes."""

from urllib.parse import urlencode

import pytest
from support.app import RelyingParty
from support.racing import FULL, Racer, race

from oidcserver import clock
from oidcserver.credentials import REQUEST_URI, digest, new_credential
from oidcserver.models import SuspendedRequest
from oidcserver.models.suspended_request import ANY_BROWSER, REQUEST_URI_PREFIX

pytestmark = pytest.mark.races

REQUESTS = 1_000 if FULL else 40


def make_pushed_requests(client: RelyingParty, count: int) -> list[str]:
    """Return that many references, as they are after a push."""
    references = [new_credential(REQUEST_URI) for _ in range(count)]
    parameters = {name: [value] for name, value in client.parameters().items()}
    with client.provider.database() as dbsession:
        dbsession.add_all(
            SuspendedRequest(
                reference_digest=digest(reference),
                client_id=client.client_id,
                parameters=parameters,
                pushed=True,
                browser_digest=ANY_BROWSER,
                expires_at=clock.now() + 3600,
            )
            for reference in references
        )
    return [REQUEST_URI_PREFIX + reference for reference in references]


def test_one_browser_gets_it_and_the_others_do_not(
    client: RelyingParty, runners: list[Racer]
) -> None:
    def visit(racer: Racer, request_uri: str) -> int:
        query = urlencode({"client_id": client.client_id, "request_uri": request_uri})
        return racer.get(f"/oauth/authorize?{query}").status  # a browser without cookies

    outcomes = race(runners, make_pushed_requests(client, REQUESTS), visit)

    expected = [303, *[403] * (len(runners) - 1)]
    assert [statuses for statuses in outcomes if sorted(statuses) != expected] == []
