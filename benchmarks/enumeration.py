"""Whether the time of an answer tells if there is an account: ``python benchmarks/enumeration.py``.

It starts a provider on a database of SQLite and sends each form in turn for a name or address that
there is and for one that there is not. It prints the medians and their ratio. Nothing else may run
on the machine. The environment of the tests suffices.
"""

import argparse
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

PASSWORD = "four unrelated words of ada"
ADDRESS = "ada@example.com"
INI = """[app:main]
use = egg:oidcserver
oidcserver.mode = development
oidc.issuer = http://localhost:{port}
oidcserver.database_url = sqlite:///{folder}/provider.sqlite
oidcserver.keys_directory = {folder}/keys
oidc.user_directory = database
oidc.pages = home login consent logout register recover mail
oidc.first_factors = email_link
oidc.login_attempts = 1000000
oidc.login_attempts_per_name = 1000000
oidc.login_attempts_per_address = 1000000
oidc.mails_per_address = 1000000
oidc.mails_per_network = 1000000

[server:main]
use = egg:oidcserver
listen = localhost:{port}
"""
Form = dict[str, str]


class Browser:
    """One connection with the cookies and the token of a visit to the login page."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("localhost", port, timeout=60)
        self._connection.request("GET", "/login")
        response = self._connection.getresponse()
        page = response.read().decode()
        cookies = [it.partition(";")[0] for it in response.headers.get_all("Set-Cookie", [])]
        self._headers = {
            "Cookie": "; ".join(cookies),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        [self._token, *_] = re.findall(r'name="csrf_token" value="([^"]+)"', page)

    def send(self, path: str, form: Form) -> tuple[float, int]:
        """Send a form; return the milliseconds until the whole answer was there, and its status."""
        body = urlencode({**form, "csrf_token": self._token})
        started = time.perf_counter()
        self._connection.request("POST", path, body, self._headers)
        response = self._connection.getresponse()
        response.read()
        return (time.perf_counter() - started) * 1000, response.status


def _login(known: bool, number: int) -> Form:
    return {"username": "ada" if known else f"nobody{number}", "password": "wrong words"}


def _name(known: bool, number: int) -> Form:
    return {"name": ADDRESS if known else f"nobody{number}@example.com"}


def _register(known: bool, number: int) -> Form:
    address = ADDRESS if known else f"nobody{number}@example.com"
    return {"address": address, "password": PASSWORD}


FORMS: dict[str, Callable[[bool, int], Form]] = {
    "/login": _login,
    "/recover": _name,
    "/login/email-link": _name,
    "/register": _register,
}


@contextmanager
def provider() -> Iterator[int]:
    """Start a provider with the user ada; give its port."""
    with socket.create_server(("localhost", 0)) as listener:
        port: int = listener.getsockname()[1]
    commands = Path(sys.executable).parent
    with tempfile.TemporaryDirectory(prefix="oidcbench") as folder:
        ini, claims = Path(folder) / "provider.ini", Path(folder) / "claims.json"
        ini.write_text(INI.format(port=port, folder=folder))
        claims.write_text(f'{{"email": "{ADDRESS}", "email_verified": true}}')
        run = [str(commands / "oidcserver"), "users"]
        subprocess.run(
            [*run, "create", str(ini), "ada", "--password-stdin"],
            input=PASSWORD.encode(), check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(
            [*run, "set-claims", str(ini), "ada", str(claims)], check=True, capture_output=True
        )
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen([commands / "pserve", ini], stdout=log, stderr=log)
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()
            server.wait()


def _wait(port: int) -> None:
    for _ in range(600):
        with suppress(OSError):
            HTTPConnection("localhost", port, timeout=1).connect()
            return
        time.sleep(0.1)
    raise SystemExit("The provider does not start.")


def main() -> None:
    """Measure each form and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=1000)
    options = parser.parse_args()
    print(f"{'form':20} {'there is one':>14} {'there is none':>14} {'ratio':>7}")
    with provider() as port:
        browser = Browser(port)
        for path, make in FORMS.items():
            times: dict[bool, list[float]] = {True: [], False: []}
            statuses = set()
            for number in range(options.tries):
                # In turn, and each first as often.
                for known in (True, False) if number % 2 else (False, True):
                    took, status = browser.send(path, make(known, number))
                    times[known].append(took)
                    statuses.add(status)
            if len(statuses) > 1:
                raise SystemExit(f"{path} answers with {statuses}.")
            known_time, unknown_time = (statistics.median(times[it]) for it in (True, False))
            ratio = known_time / unknown_time
            print(f"{path:20} {known_time:11.2f} ms {unknown_time:11.2f} ms {ratio:7.3f}")


if __name__ == "__main__":
    main()
