"""One DPoP proof, presented at once at several processes."""

import pytest
from support.app import RelyingParty
from support.dpop import ProofKey
from support.fleet import Fleet
from support.racing import FULL, Answer, Racer, race

pytestmark = pytest.mark.races

PROOFS = 1_000 if FULL else 40


@pytest.fixture
def client(fleet: Fleet) -> RelyingParty:
    """A client that acts on its own behalf."""
    return fleet.provider.register(
        redirect_uris=[], grant_types=["client_credentials"], response_types=[]
    )


def test_exactly_one_is_accepted(fleet: Fleet, client: RelyingParty, runners: list[Racer]) -> None:
    key = ProofKey()

    def present(racer: Racer, headers: dict[str, str]) -> Answer:
        return racer.post("/oauth/token", {"grant_type": "client_credentials"}, headers)

    # Many in a row, each as late as its life of a minute asks for.
    outcomes = []
    for _ in range(PROOFS // 40):
        outcomes += race(runners, [key.for_token(client) for _ in range(40)], present)

    expected = ["", *["invalid_dpop_proof"] * (len(runners) - 1)]
    assert [answers for answers in outcomes if sorted(a.error for a in answers) != expected] == []
    assert {a.status for answers in outcomes for a in answers if a.error} == {400}
