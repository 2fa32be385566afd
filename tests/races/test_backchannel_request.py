"""One backchannel request at several processes at once: its signed form, and the polls for it."""

from collections.abc import Callable, Iterator

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import func, select
from support.assertions import Signer
from support.ciba import SETTINGS
from support.families import make_backchannel_requests
from support.fleet import Fleet
from support.racing import FULL, Answer, Racer, race, racers
from support.request_signing import public

from oidcserver import clock
from oidcserver.models import BackchannelRequest, RefreshToken
from oidcserver.oauth.grant_types import CIBA

pytestmark = pytest.mark.races

REQUESTS, POLLS = 1000 if FULL else 20, 12


@pytest.fixture(scope="module")
def ciba_fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    """Processes with CIBA, where no user has too many requests."""
    return make_fleet(**SETTINGS, oidc__ciba_open_requests=10**6)


@pytest.fixture
def runners(ciba_fleet: Fleet) -> Iterator[list[Racer]]:
    """Twelve clients, spread over the processes."""
    with racers(ciba_fleet.urls, POLLS) as made:
        yield made


def test_of_twelve_polls_one_gets_tokens(ciba_fleet: Fleet, runners: list[Racer]) -> None:
    client = ciba_fleet.provider.register(grant_types=["authorization_code", "refresh_token", CIBA])

    def poll(racer: Racer, auth_req_id: str) -> Answer:
        form = {"grant_type": CIBA, "auth_req_id": auth_req_id}
        return racer.post("/oauth/token", form, client.basic())

    outcomes = race(runners, make_backchannel_requests(client, REQUESTS), poll)

    expected = ["", *["invalid_grant"] * (POLLS - 1)]
    assert [answers for answers in outcomes if sorted(a.error for a in answers) != expected] == []
    with ciba_fleet.provider.database() as dbsession:
        of_client = BackchannelRequest.client_id == client.client_id
        used = select(func.count()).where(of_client, BackchannelRequest.used_at.is_not(None))
        assert dbsession.scalar(used) == REQUESTS
        issued = select(func.count()).where(RefreshToken.client_id == client.client_id)
        assert dbsession.scalar(issued) == REQUESTS


def test_of_twelve_sends_of_a_signed_request_one_is_accepted(
    ciba_fleet: Fleet, runners: list[Racer]
) -> None:
    key = ECKey.generate_key("P-256")
    client = ciba_fleet.provider.register(grant_types=[CIBA], jwks=public(key))
    signer = Signer(client.client_id, "ES256", key, ciba_fleet.issuer)
    ciba_fleet.set_claims("alice", {})
    now = clock.now()
    claims = {"scope": "openid", "login_hint": "alice", "nbf": now, "exp": now + 3000, "sub": ...}

    def send(racer: Racer, request: str) -> Answer:
        return racer.post("/oauth/bc-authorize", {"request": request}, client.basic())

    outcomes = race(runners, [signer.assertion(**claims) for _ in range(REQUESTS)], send)

    expected = ["", *["invalid_request"] * (POLLS - 1)]
    assert [answers for answers in outcomes if sorted(a.error for a in answers) != expected] == []
    with ciba_fleet.provider.database() as dbsession:
        of_client = BackchannelRequest.client_id == client.client_id
        assert dbsession.scalar(select(func.count()).where(of_client)) == REQUESTS
