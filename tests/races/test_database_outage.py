"""The database goes away and comes back: nothing is let through, and nobody restarts anything."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.fleet import Fleet
from support.postgresql import Cluster

pytestmark = [pytest.mark.races, pytest.mark.postgresql]
BACK_SECONDS = 5


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster that this test alone may stop."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


def test_an_outage_is_answered_with_503_and_ends_by_itself(
    cluster: Cluster, tmp_path: Path, keys_directory: Path
) -> None:
    with Fleet(tmp_path, 1, cluster.new_database(), keys_directory) as fleet:
        robot = fleet.provider.register(
            grant_types=["client_credentials"], redirect_uris=[], scope="profile"
        )

        def ask(path: str = "/oauth/token", **form: str) -> requests.Response:
            credentials = (robot.client_id, robot.secret or "")
            return requests.post(f"{fleet.issuer}{path}", form, auth=credentials, timeout=30)

        token = ask(grant_type="client_credentials").json()["access_token"]
        cluster.pause()
        for path, form in (
            ("/oauth/token", {"grant_type": "client_credentials"}),
            ("/oauth/introspect", {"token": token}),
            ("/oauth/revoke", {"token": token}),
        ):
            answer = ask(path, **form)
            assert answer.status_code == 503, fleet.logs()
            assert answer.headers["Retry-After"] == "5"
            assert answer.json()["error"] == "temporarily_unavailable"
        bearer = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{fleet.issuer}/api/me", headers=bearer, timeout=30).status_code == 503
        page = requests.get(
            f"{fleet.issuer}/login", headers={"Accept": "text/html"},
            cookies={
                robot.provider.registry.oidc.provider.cookie_name("session"): "ls_" + "x" * 43
            },
            timeout=30,
        )  # fmt: skip
        assert page.status_code == 503
        assert "text/html" in page.headers["Content-Type"]
        assert requests.get(f"{fleet.issuer}/oauth/jwks.json", timeout=30).status_code == 200
        cluster.resume()
        deadline = time.monotonic() + BACK_SECONDS
        while (answer := ask(grant_type="client_credentials")).status_code == 503:
            assert time.monotonic() < deadline, "it is not back in time"
            time.sleep(0.1)
        assert "access_token" in answer.json()
        assert ask("/oauth/introspect", token=token).json()["active"] is True
