"""One approved device code, redeemed at once at several processes."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from support.app import RelyingParty
from support.devices import DEVICE_CODE, SETTINGS, register_device
from support.families import make_device_codes
from support.fleet import Fleet
from support.racing import FULL, Answer, Racer, race, racers

from oidcserver.models import Authorization, DeviceAuthorization, RefreshToken

pytestmark = pytest.mark.races

CODES = 1000 if FULL else 40


@pytest.fixture(scope="module")
def fleet(make_fleet: object) -> Fleet:
    """Processes that have the device grant."""
    made: Fleet = make_fleet(**SETTINGS)  # type: ignore[operator]
    return made


@pytest.fixture
def device(fleet: Fleet) -> RelyingParty:
    return register_device(fleet.provider)


@pytest.fixture
def runners(fleet: Fleet) -> Iterator[list[Racer]]:
    with racers(fleet.urls, 4) as made:
        yield made


def test_exactly_one_gets_tokens(device: RelyingParty, runners: list[Racer]) -> None:
    def redeem(racer: Racer, code: str) -> Answer:
        form = {"grant_type": DEVICE_CODE, "device_code": code}
        return racer.post("/oauth/token", form, device.basic())

    outcomes = race(runners, make_device_codes(device, CODES), redeem)

    expected = ["", *["invalid_grant"] * (len(runners) - 1)]
    assert [answers for answers in outcomes if sorted(a.error for a in answers) != expected] == []
    with device.provider.database() as dbsession:
        of_client = Authorization.client_id == device.client_id
        alive = select(func.count()).select_from(Authorization)
        alive = alive.where(of_client, Authorization.revoked_at.is_(None))
        assert dbsession.scalar(alive) == CODES
        unused = select(func.count()).select_from(DeviceAuthorization)
        unused = unused.where(DeviceAuthorization.client_id == device.client_id)
        assert dbsession.scalar(unused.where(DeviceAuthorization.used_at.is_(None))) == 0
        issued = select(RefreshToken.authorization_id)
        issued = issued.where(RefreshToken.client_id == device.client_id)
        authorizations = dbsession.scalars(issued).all()
    assert len(authorizations) == len(set(authorizations)) == CODES
