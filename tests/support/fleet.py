"""Several `pserve` over one database, and a provider in this process that prepares its rows."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from support.app import DEVELOPMENT, Provider
from support.processes import ServerProcess, free_port, write_ini

from oidcserver.models import User
from oidcserver.models.user import find_user


class Fleet:
    """The processes answer at ``urls`` and share one issuer, by default the URL of the first.

    :param ports: those of the processes, where others have to know them before.
    """

    def __init__(
        self,
        directory: Path,
        count: int,
        database_url: str,
        keys_directory: Path,
        ports: Sequence[int] = (),
        **settings: object,
    ) -> None:
        self._ports = list(ports) or [free_port() for _ in range(count)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        values = {
            **DEVELOPMENT,
            "oidc.issuer": self.urls[0],
            "oidcserver.database_url": database_url,
            "oidcserver.keys_directory": keys_directory,
            **{name.replace("__", ".", 1): value for name, value in settings.items()},
        }
        # It makes the keys and the schema, so that the processes find them.
        self.provider = Provider(values)
        self.issuer = self.provider.issuer
        self.inis = [write_ini(directory / f"{port}.ini", port, **values) for port in self._ports]
        pairs = zip(self.inis, self._ports, strict=True)
        with ThreadPoolExecutor(count) as pool:
            starts = [pool.submit(ServerProcess, ini, port) for ini, port in pairs]
        self.servers = [it.result() for it in starts if it.exception() is None]
        if len(self.servers) < count:
            self.__exit__()
            raise next(problem for it in starts if (problem := it.exception()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            for server in self.servers:
                server.stop()
        finally:
            self.provider.close()

    def restart(self, number: int) -> None:
        """Start a process that has ended at its own port again."""
        self.servers[number] = ServerProcess(self.inis[number], self._ports[number])

    def set_claims(self, username: str, claims: dict[str, Any]) -> str:
        """Say what is known of a user, who is made if need be; return the subject."""
        with self.provider.database() as dbsession:
            user = find_user(dbsession, username)
            if user is None:
                user = User(username)
                dbsession.add(user)
            user.claims = claims
            dbsession.flush()
            return user.id

    def ask_userinfo(self, access_token: str) -> int:
        """Return the status of UserInfo's answer."""
        headers = {"Authorization": f"Bearer {access_token}"}
        connection = HTTPConnection("127.0.0.1", self._ports[0], timeout=30)
        with closing(connection):
            connection.request("GET", "/oauth/userinfo", headers=headers)
            return connection.getresponse().status

    def logs(self) -> str:
        """Return what the processes have said."""
        return "\n".join(server.log.read_text() for server in self.servers)
