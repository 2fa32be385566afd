"""The benchmark: this provider and its peers in one run, alternating; medians and ratios.

Every server starts from an empty database. ``make bench`` writes into docs/performance.md.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import checks
import hydra
import keycloak
import limits
import load
import provider
import psutil
import report
import servers
from builds import MissingToolError
from machine import PostgreSQL, memory, running, wait_until_it_answers
from works import WORKS, Work

CONNECTIONS = 16


@dataclass
class Measured:
    """The figures of one server at one work, one a round."""

    saturated: list[load.Result] = field(default_factory=list)
    half: list[load.Result] = field(default_factory=list)

    def rate(self) -> float:
        """The median of right answers a second."""
        return statistics.median(result.rate for result in self.saturated)

    def ratio(self, other: "Measured") -> float:
        """The median of the rounds' rates as multiples of another server's in the same round."""
        pairs = zip(self.saturated, other.saturated, strict=True)
        return statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)

    def latency(self, percentile: str, *, half: bool = False) -> float:
        """The median of a percentile, in milliseconds."""
        results = self.half if half else self.saturated
        return statistics.median(getattr(result, percentile) for result in results)


@dataclass
class Peer:
    """The findings of a run about a server, besides its speed."""

    version: str
    setup: str
    #: The formats of its access tokens, as they were seen.
    tokens: dict[str, None] = field(default_factory=dict)


@dataclass
class Figures:
    """Everything that a run found out."""

    works: dict[str, dict[str, Measured]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Measured))
    )
    peers: dict[str, Peer] = field(default_factory=dict)
    #: Why servers were not measured.
    missing: dict[str, str] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    start: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Measure and report."""
    options = _options()
    seconds, rounds = (2, 1) if options.quick else (options.seconds, options.rounds)
    works = [work for work in WORKS if not options.only or work.name in options.only.split(",")]
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="oidcbench") as folder, ExitStack() as stack:
        cluster = PostgreSQL()
        stack.callback(cluster.stop)
        _measure_limits(cluster, Path(folder), figures, seconds)
        for setup in dict.fromkeys((work.token_format, work.features) for work in works):
            token_format, features = setup
            chosen = [work for work in works if (work.token_format, work.features) == setup]
            candidates = _candidates(
                cluster, Path(folder), token_format, features, options.servers, figures
            )
            with ExitStack() as up:
                processes = {
                    server.name: _start(server, token_format, up, Path(folder), figures)
                    for server in candidates
                }
                for work in chosen:
                    able = [server for server in candidates if work.serves(server)]
                    _measure(work, able, figures, seconds, rounds)
                for name, process in processes.items():
                    figures.memory.setdefault(name, memory(process))
    print(report.table(figures))
    if options.output:
        report.write(figures, options.output, rounds=rounds, seconds=seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="One short round: for the direction.")
    parser.add_argument("--seconds", type=int, default=8, help="How long a round of a work is.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="Names of works, with commas between them.")
    parser.add_argument("--servers", default="", help="Names of servers, with commas.")
    parser.add_argument("--output", type=Path, help="Where performance.md and its plot go.")
    return parser.parse_args()


def _candidates(
    cluster: PostgreSQL,
    folder: Path,
    token_format: str,
    features: bool,
    names: str,
    figures: Figures,
) -> list[servers.Server]:
    """Return the servers that can be measured here; note why the others cannot."""
    if features:
        return [
            provider.oidcserver(cluster, folder, token_format, features=True),
            servers.node(cluster, token_format, features=True),
        ]
    makers: list[Callable[[], servers.Server]] = [
        lambda: provider.oidcserver(cluster, folder, token_format),
        lambda: servers.node(cluster, token_format),
        lambda: servers.node(cluster, token_format, configured_client=True),
        lambda: servers.node(None, token_format),
        lambda: servers.flask(cluster, token_format),
    ]
    if token_format == "opaque":  # the toolkit has no other
        makers.append(lambda: servers.django(cluster))
    found = [make() for make in makers]
    for name, make in (
        (hydra.NAME, lambda: hydra.hydra(cluster, token_format)),
        (keycloak.NAME, lambda: keycloak.keycloak(cluster, folder, token_format)),
    ):
        if names and name not in names.split(","):
            continue
        try:
            found.append(make())
        except MissingToolError as missing:
            figures.missing[name] = str(missing)
    return [server for server in found if not names or server.name in names.split(",")]


def _start(
    server: servers.Server, token_format: str, stack: ExitStack, folder: Path, figures: Figures
) -> psutil.Process:
    """Start a server and check that it answers rightly."""
    server.prepare()
    log = folder / f"{server.name}.log"
    process = stack.enter_context(running(server.command, server.environment, log=log))
    took = wait_until_it_answers(server.url + server.paths["discovery"], process)
    figures.start.setdefault(server.name, took)
    server.register()
    peer = figures.peers.setdefault(server.name, Peer(server.version, server.setup))
    peer.tokens[checks.check(server, token_format)] = None
    return process


def _measure(
    work: Work, candidates: list[servers.Server], figures: Figures, seconds: float, rounds: int
) -> None:
    """Let the servers take turns at a work, so that a slow minute of the machine hits all."""
    for number in range(rounds):
        for server in candidates:
            url, arguments = server.base(work.endpoint), work.arguments(server)
            if number == 0:
                load.run(
                    url, work.script, arguments, seconds=server.warm_up, connections=CONNECTIONS
                )
                arguments = work.arguments(server)
            measured = figures.works[work.name][server.name]
            full = load.run(url, work.script, arguments, seconds=seconds, connections=CONNECTIONS)
            measured.saturated.append(full)
            # So many milliseconds between the requests of a connection make half that rate.
            pause = max(0.0, CONNECTIONS / (full.rate / 2) * 1000 - full.p50 / CONNECTIONS)
            half = load.run(
                url, work.script, work.arguments(server), seconds=max(2, seconds / 2),
                connections=CONNECTIONS, pause=pause,
            )  # fmt: skip
            measured.half.append(half)
            print(f"{work.name:32} {server.name:24} {full.rate:9.0f}/s", flush=True)


def _measure_limits(cluster: PostgreSQL, folder: Path, figures: Figures, seconds: float) -> None:
    reads, commits = limits.postgresql(cluster, seconds)
    figures.limits = {
        "OpenSSL, RS256 signatures": limits.openssl("rsa2048", round(seconds)),
        "OpenSSL, ES256 signatures": limits.openssl("ecdsap256", round(seconds)),
        **{
            f"waitress {how}, a constant": limits.waitress(folder, seconds, CONNECTIONS, how)
            for how in ("as it comes", "as we run it")
        },
        "PostgreSQL, a read by primary key": reads,
        "PostgreSQL, a commit of one row": commits,
    }


if __name__ == "__main__":
    main()
