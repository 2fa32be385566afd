"""Apache with mod_auth_openidc in front of two pages, the first of which needs a login."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from support.processes import end, free_port, wait_until_it_listens
from support.requirements import apache

MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "headers")

CONFIGURATION = """
ServerRoot {directory}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
DefaultRuntimeDir {directory}
PidFile {directory}/pid
ErrorLog {directory}/log
LogLevel warn auth_openidc:info
StartServers 1
DocumentRoot {directory}/pages
DirectoryIndex index.html
TypesConfig /dev/null
AddType text/html .html
OIDCCryptoPassphrase of-no-worth
OIDCRedirectURI {url}/private/redirect_uri
OIDCRemoteUserClaim sub
{settings}
<Location /private/>
  AuthType openid-connect
  Require valid-user
  Header set X-Subject "%{{OIDC_CLAIM_sub}}e"
  Header set X-Name "%{{OIDC_CLAIM_preferred_username}}e"
</Location>
"""

#: The application's page, with the two frames of the module's documentation.
PRIVATE_PAGE = """<!DOCTYPE html>
<title>Private</title>
<p>Only for those who are signed in.</p>
<iframe hidden id="openidc-op" src="/private/redirect_uri?session=iframe_op"></iframe>
<iframe hidden src="/private/redirect_uri?session=iframe_rp&amp;poll=200"></iframe>
"""
PUBLIC_PAGE = "<!DOCTYPE html><title>Public</title><p>For everybody.</p>"


class Apache:
    """An Apache at ``url``. ``start`` takes the settings of the module by their names."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redirect_uri = f"{self.url}/private/redirect_uri"
        # Not pytest's own directory, which is closed to the user that Apache becomes.
        self.directory = Path(tempfile.mkdtemp(prefix="oidcapache"))
        self.directory.chmod(0o755)
        for name, page in (("private", PRIVATE_PAGE), ("public", PUBLIC_PAGE)):
            (self.directory / "pages" / name).mkdir(parents=True)
            (self.directory / "pages" / name / "index.html").write_text(page)
        self.metadata_directory = self.directory / "metadata"
        self.metadata_directory.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.metadata_directory, "nobody", "nogroup")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: Any) -> None:
        """Start with these settings, and return when it answers."""
        programs = apache()
        assert programs is not None
        server, modules = programs
        loads = [
            f"LoadModule {name}_module {modules}/mod_{name}.so"
            for name in (*MODULES, "auth_openidc")
        ]
        if os.getuid() == 0:  # Apache refuses to serve as root, and becomes nobody
            loads.append("User nobody\nGroup nogroup")
        lines = [f'{name} "{value}"' for name, value in settings.items()]
        configuration = self.directory / "apache.conf"
        configuration.write_text(
            "\n".join(loads)
            + CONFIGURATION.format(
                directory=self.directory, port=self.port, url=self.url, settings="\n".join(lines)
            )
        )
        self.process = subprocess.Popen(
            [server, "-f", str(configuration), "-D", "FOREGROUND"],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        )
        wait_until_it_listens(self.process, self.port, self.directory / "log")

    def log(self) -> str:
        """Return what Apache and the module have to say."""
        log = self.directory / "log"
        return log.read_text() if log.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process is not None:
            end(self.process)
        shutil.rmtree(self.directory)
