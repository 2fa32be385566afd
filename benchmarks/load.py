"""The load: wrk on the other core, with a script that checks every answer."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import OTHER_CORE

SCRIPTS = Path(__file__).parent / "wrk"


@dataclass(frozen=True)
class Result:
    """The result of a run: right answers a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class WrongAnswersError(Exception):
    """Some answers were not what was asked for."""


def run(
    url: str,
    script: str,
    arguments: Sequence[str],
    *,
    seconds: float,
    connections: int,
    pause: float = 0,
) -> Result:
    """Put a server under load and return what it did.

    :param pause: milliseconds that a connection waits before each request, on average.
    :raises WrongAnswersError: if any answer was wrong or missing.
    """
    command = [
        "taskset", "-c", str(OTHER_CORE), "wrk", "--threads", "1", "--timeout", "10s",
        "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s",
        "--script", f"{script}.lua", url, "--", str(pause), *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["wrong"] or figures["failed"] or not figures["right"]:
        raise WrongAnswersError(f"{url} {script}: {figures}")
    return Result(figures["right"] / figures["seconds"], figures["p50"], figures["p99"])
