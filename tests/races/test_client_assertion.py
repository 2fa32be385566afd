"""One client assertion, presented at once at several processes."""

import pytest
from joserfc.jwk import ECKey
from support.app import RelyingParty
from support.assertions import Signer
from support.fleet import Fleet
from support.racing import FULL, Answer, Racer, race

pytestmark = pytest.mark.races

ASSERTIONS = 1_000 if FULL else 40


@pytest.fixture(scope="module")
def key() -> ECKey:
    """The client's key."""
    return ECKey.generate_key("P-256")


@pytest.fixture
def client(fleet: Fleet, key: ECKey) -> RelyingParty:
    """A client that signs."""
    return fleet.provider.register(
        redirect_uris=[],
        grant_types=["client_credentials"],
        response_types=[],
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )


def test_exactly_one_is_believed(
    fleet: Fleet, client: RelyingParty, key: ECKey, runners: list[Racer]
) -> None:
    signer = Signer(client.client_id, "ES256", key, fleet.issuer)

    def present(racer: Racer, assertion: str) -> Answer:
        form = signer.form(assertion, grant_type="client_credentials")
        return racer.post("/oauth/token", form)

    # Many in a row, each as late as its life of a minute asks for.
    outcomes = []
    for _ in range(ASSERTIONS // 40):
        outcomes += race(runners, [signer.assertion() for _ in range(40)], present)

    expected = ["", *["invalid_client"] * (len(runners) - 1)]
    assert [answers for answers in outcomes if sorted(a.error for a in answers) != expected] == []
    assert {a.status for answers in outcomes for a in answers if a.error} == {401}
