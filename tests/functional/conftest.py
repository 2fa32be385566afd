"""The other parties of the functional tests: a browser, an upstream, the Web of the clients."""

from collections.abc import Iterator

import pytest
from selenium import webdriver
from support.app import Provider
from support.browser import start_browser, start_over
from support.client_host import ClientHost
from support.client_web import ClientWeb
from support.upstream import Upstream


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium for all tests, since it takes long to start."""
    driver = start_browser(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> webdriver.Chrome:
    """The headless Chromium, with nothing left of tests before."""
    start_over(chromium)
    return chromium


@pytest.fixture
def host() -> Iterator[ClientHost]:
    """A host of clients, which answers when a test lets it."""
    running = ClientHost()
    yield running
    running.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Another OpenID Provider, at which users of ours may sign in."""
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def web(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> ClientWeb:
    """The documents of the clients. The provider can fetch nothing else."""
    made = ClientWeb()
    made.stand_in(provider, monkeypatch)
    return made
