"""A server of other people's, run by a test."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from support.processes import end, wait_until_it_listens


class Program:
    """It listens on its port when the context begins, and ends with the context.

    :param directory: where it runs and writes its log.
    :param environ: variables besides those of this process.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        directory: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.command = command
        self.port = port
        self.directory = directory
        self.environ = {**os.environ, "NO_PROXY": "127.0.0.1,localhost", **(environ or {})}
        self._log = directory / f"{Path(command[0]).name}-{port}.log"

    def log(self) -> str:
        """Return what it has said."""
        return self._log.read_text()

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_it_listens(self.process, self.port, self._log)
        except RuntimeError:
            end(self.process)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        end(self.process)
