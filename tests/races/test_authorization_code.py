"""One authorization code, redeemed at once at several processes."""

import pytest
from sqlalchemy import func, select
from support.app import REDIRECT_URI, RelyingParty
from support.families import make_codes
from support.racing import FULL, Answer, Racer, race

from oidcserver.models import Authorization, AuthorizationCode, RefreshToken

pytestmark = pytest.mark.races

CODES = 10_000 if FULL else 40


def test_exactly_one_gets_tokens_and_the_replay_ends_them(
    client: RelyingParty, runners: list[Racer]
) -> None:
    def redeem(racer: Racer, code: str) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": client.verifier,
        }
        return racer.post("/oauth/token", form, client.basic())

    outcomes = race(runners, make_codes(client, CODES), redeem)

    expected = ["", *["invalid_grant"] * (len(runners) - 1)]
    assert [answers for answers in outcomes if sorted(a.error for a in answers) != expected] == []
    of_client = Authorization.client_id == client.client_id
    with client.provider.database() as dbsession:
        families = select(func.count()).select_from(Authorization).where(of_client)
        assert dbsession.scalar(families) == CODES
        assert dbsession.scalar(families.where(Authorization.revoked_at.is_not(None))) == CODES
        unused = select(func.count()).select_from(AuthorizationCode)
        unused = unused.where(AuthorizationCode.client_id == client.client_id)
        assert dbsession.scalar(unused.where(AuthorizationCode.used_at.is_(None))) == 0
        issued = select(RefreshToken.authorization_id)
        issued = issued.where(RefreshToken.client_id == client.client_id)
        authorizations = dbsession.scalars(issued).all()
    assert len(authorizations) == len(set(authorizations)) == CODES
