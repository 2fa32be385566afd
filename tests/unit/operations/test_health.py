"""Health: what a load balancer asks."""

from typing import Any

import pytest

from oidcserver.keys import store

WITH_HEALTH = "authorization token jwks openid_configuration health"


def test_it_is_well_while_the_database_answers(make_provider: Any) -> None:
    browser = make_provider(oauth__endpoints=WITH_HEALTH).browser()
    response = browser.get("/health")
    assert response.json == {"status": "ok"}
    assert response.headers["Cache-Control"] == "no-store"
    assert browser.head("/health").body == b""
    assert browser.post("/health", status=405).headers["Allow"] == "GET"


def test_it_is_unwell_without_and_well_again_afterwards(
    make_provider: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "gone.sqlite"
    provider = make_provider(
        oidcserver__database_url=f"sqlite:///{path}", oauth__endpoints=WITH_HEALTH
    )
    provider.close()
    kept = {file: file.rename(file.with_suffix(".kept")) for file in tmp_path.glob("gone.sqlite*")}
    path.mkdir()
    browser = provider.browser()
    response = browser.get("/health", status=503)
    assert response.json == {"status": "the database does not answer"}
    assert response.headers["Retry-After"] == "5"
    path.rmdir()
    for name, file in kept.items():
        file.rename(name)
    assert browser.get("/health").json == {"status": "ok"}


def test_it_is_unwell_while_the_directory_of_the_keys_is_gone(
    make_provider: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WATCH_SECONDS", 0)
    keys = tmp_path / "keys"
    browser = make_provider(
        oidcserver__keys_directory=str(keys), oauth__endpoints=WITH_HEALTH
    ).browser()
    kept = keys.rename(tmp_path / "kept")
    response = browser.get("/health", status=503)
    assert response.json == {"status": "the directory of the keys cannot be used"}
    kept.rename(keys)
    assert browser.get("/health").json == {"status": "ok"}


def test_it_is_no_part_of_discovery_and_not_there_unless_selected(make_provider: Any) -> None:
    browser = make_provider(oauth__endpoints=WITH_HEALTH).browser()
    assert "health" not in browser.get("/.well-known/openid-configuration").text
    without = make_provider(oauth__endpoints="authorization token jwks").browser()
    without.get("/health", status=404)
