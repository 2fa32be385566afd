"""The commands and files of the README work as shown."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import Configurator
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from support.app import DEVELOPMENT, Provider
from support.processes import ServerProcess, copy_development_ini, free_port

import oidcserver
from oidcserver.plugins.including import configured

ROOT = Path(oidcserver.__file__).parent.parent
README = (ROOT / "README.md").read_text()


class Served(Provider):
    """The provider of an application that is there already."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi
        self.registry = wsgi.registry
        self.issuer = wsgi.registry.oidc.provider.issuer


@pytest.mark.parametrize("embedded", [False, True])
def test_the_protected_view_knows_whose_token_it_is(
    embedded: bool, tmp_path: Path, keys_directory: Path
) -> None:
    found = re.search(
        r'```python\n(config\.include\("oidcserver\.resource"\)\n.*?)```', README, re.DOTALL
    )
    guide = (ROOT / "docs" / "protecting.md").read_text()
    scope = re.search(r"^oidc\.scope_claims = (orders:read.*)$", guide, re.MULTILINE)
    assert found is not None
    assert scope is not None
    settings = {
        **DEVELOPMENT,
        "oidcserver.database_url": f"sqlite:///{tmp_path / 'orders.sqlite'}",
        "oidcserver.keys_directory": str(keys_directory),
        "oidc.scope_claims": scope[1],
    }
    with Configurator(settings=settings) if embedded else configured(settings) as config:
        if embedded:
            config.include("oidcserver")
        config.add_route("orders", "/orders")
        names = {
            "config": config,
            "view_config": lambda **options: lambda view: config.add_view(view, **options),
        }
        exec(found[1], names)
    provider = Served(config.make_wsgi_app())
    client = provider.register(scope="openid orders:read")
    browser = provider.browser()
    tokens = client.exchange(client.login(browser, scope="openid orders:read")["code"])
    subject = client.userinfo(tokens["access_token"]).json["sub"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.http.get("/orders", headers=headers).json == {"owner": subject}
    client.http.get("/orders", status=401)
    provider.close()


def walk_through(port: int) -> list[str]:
    """Return the steps of the walk-through, for a server on another port."""
    found = re.search(r"## The walk-through\n(.*?)\nThe command line", README, re.DOTALL)
    assert found is not None
    text = found[1].replace("localhost:6543", f"localhost:{port}")
    return re.split(r"^\d\. ", text, flags=re.MULTILINE)[1:]


@pytest.mark.browser
@pytest.mark.curl
def test_the_walk_through_works_word_for_word(
    browser: Any, tmp_path: Path, keys_directory: Path
) -> None:
    port = free_port()
    ini = copy_development_ini(tmp_path, port, keys_directory)
    sign_in, create, get_token, use_token = walk_through(port)
    with ServerProcess(ini, port) as server:
        ready = server.log.read_text()
        browser.get(re.search(r"<(http.*?)>", sign_in)[1])
        browser.find_element(By.LINK_TEXT, emphasised(sign_in, "choose ")[0]).click()
        password = re.search(r"password `(\w+)`", sign_in)[1]
        hint = f'Any user name works here, such as alice. The password is "{password}"'
        assert hint in browser.find_element(By.TAG_NAME, "main").text
        assert hint in ready
        assert f"http://localhost:{port}\n" in ready
        assert re.search(r"<(http.*?)>", create)[1] in ready
        browser.find_element(By.NAME, "username").send_keys("alice")
        browser.find_element(By.NAME, "password").send_keys(password + Keys.ENTER)
        WebDriverWait(browser, 30).until_not(lambda it: it.find_elements(By.NAME, "password"))
        assert "alice" in browser.page_source

        browser.get(re.search(r"<(http.*?)>", create)[1])
        browser.find_element(By.NAME, "client_name").send_keys("Walk")
        [wanted] = emphasised(create, r"\btick ")
        browser.find_element(By.XPATH, labelled(wanted)).click()
        for unwanted in emphasised(create, r"untick |\*, |\* and ")[:3]:
            browser.find_element(By.XPATH, labelled(unwanted)).click()
        browser.find_element(By.XPATH, f"//button[.='{emphasised(create, 'Choose ')[0]}']").click()
        issued = {
            name: WebDriverWait(browser, 30)
            .until(lambda it, n=name: it.find_element(By.ID, n))
            .text
            for name in ("client_id", "client_secret")
        }

        tokens = json.loads(shell(get_token, username="alice", **issued))
        assert tokens["scope"] == "profile"
        me = json.loads(shell(use_token, access_token=tokens["access_token"]))
        assert me["username"] == "alice"


def emphasised(step: str, before: str) -> list[str]:
    """Return the labels in a step that come after some words, as ``tick *Password*``."""
    return re.findall(rf"(?:{before})\*([^*]+)\*", " ".join(step.split()))


def labelled(label: str) -> str:
    """Return the XPath of the checkbox whose label is a text or begins with it and a colon."""
    return f"//label[normalize-space()='{label}' or starts-with(normalize-space(), '{label}:')]"


def shell(step: str, **variables: str) -> str:
    """Run the command of a step as a shell does, with variables of the README's names."""
    command = re.search(r"^ +curl.*", step, re.DOTALL | re.MULTILINE)
    assert command is not None
    return subprocess.run(
        ["/bin/sh", "-c", command[0]],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_the_pictures_are_there() -> None:
    root = Path(oidcserver.__file__).parent.parent
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert len(pictures) == 2
    assert all((root / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
