"""nginx in front of one process or several, as configured in examples/ and docs/scaling.md."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from typing import Self
from urllib.parse import urlsplit

from support.processes import end, free_port, wait_until_it_listens
from support.requirements import nginx

import oidcserver

ROOT = Path(oidcserver.__file__).parent.parent
#: For one process, and for several.
EXAMPLE = ROOT / "examples" / "deployment" / "nginx.conf"
DOCUMENT = ROOT / "docs" / "scaling.md"

CONFIGURATION = """
{user}
daemon off;
pid {directory}/pid;
worker_processes 2;
events {{}}
http {{
log_format upstreams "$status $upstream_addr";
access_log {directory}/access upstreams;
client_body_temp_path {directory}/body;
proxy_temp_path {directory}/proxy;
fastcgi_temp_path {directory}/fastcgi;
scgi_temp_path {directory}/scgi;
uwsgi_temp_path {directory}/uwsgi;
{documented}
}}
"""


def documented_configuration(
    port: int, upstreams: Sequence[str], *, issuer_has_path: bool = False
) -> str:
    """Return what the document shows, without TLS, on this port and before these processes.

    For one process that is the example for one host.

    :param issuer_has_path: whether it is the one for an issuer whose path is ``/auth``.
    """
    blocks = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    whole, locations = blocks
    if len(upstreams) == 1:
        whole = EXAMPLE.read_text(encoding="utf-8")
    if issuer_has_path:
        # As the document says: what location / holds moves into the server block.
        rest = re.search(r"    location / {\n *proxy_pass [^\n]*\n(.*?)    }\n", whole, re.DOTALL)
        assert rest is not None
        whole = whole.replace(rest[0], rest[1] + locations)
    shown, servers = re.subn(r"server (?:10\.0\.0\.\d|127\.0\.0\.1):6543", "server {}", whole)
    assert servers == len(upstreams)
    for upstream in upstreams:
        shown = shown.replace("server {}", f"server {urlsplit(upstream).netloc}", 1)
    shown, listens = re.subn(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", shown)
    assert listens == 1
    return re.sub(r" *ssl_certificate.*\n", "", shown)


class Nginx:
    """An nginx at ``url``, which ``start`` puts in front of the processes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Not pytest's own directory, which is closed to the user that the workers become.
        self.directory = Path(tempfile.mkdtemp(prefix="oidcnginx"))
        self.directory.chmod(0o755)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, upstreams: Sequence[str], *, issuer_has_path: bool = False) -> None:
        """Start before the processes of these URLs, and return when it answers."""
        self.run(documented_configuration(self.port, upstreams, issuer_has_path=issuer_has_path))

    def run(self, documented: str) -> None:
        """Start with the content of its ``http`` block; return when it answers at ``port``."""
        program = nginx()
        assert program is not None
        configuration = self.directory / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                user="user nobody nogroup;" if os.getuid() == 0 else "",
                directory=self.directory,
                documented=documented,
            )
        )
        self.process = subprocess.Popen(
            [program, "-p", self.directory, "-e", self.directory / "log", "-c", configuration],
            stdin=subprocess.DEVNULL,
        )
        wait_until_it_listens(self.process, self.port, self.directory / "log")

    def sent_again(self) -> int:
        """Return how many requests went to another process after one that did not answer."""
        return sum("," in line for line in (self.directory / "access").read_text().splitlines())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process is not None:
            end(self.process)
        rmtree(self.directory)
