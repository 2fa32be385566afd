"""An application that signs users in, in a process of its own."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def serve_site(command: Sequence[str], configuration: dict[str, Any]) -> Iterator[None]:
    """Run an application until the end of the context.

    It reads ``configuration`` as one line of JSON and writes ``ready`` when it serves.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(configuration), file=process.stdin, flush=True)
            assert process.stdout.readline() == "ready\n", "the application did not start"
            yield
        finally:
            process.kill()
