"""Two commits of this provider on one machine, taking turns: the ratio of their rates.

``make bench-paired BEFORE=COMMIT`` compares the working tree with a commit. The commit gets a copy
of its sources and a virtual environment of its own, with its own requirements, in the cache.
"""

import argparse
import io
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import checks
import load
import provider
from builds import CACHE
from machine import PostgreSQL, running, wait_until_it_answers
from servers import Server
from works import WORKS, Work

CONNECTIONS = 16


def main() -> None:
    """Measure and print a line a work, then the geometric means."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", help="A commit, or a branch or tag.")
    parser.add_argument("--seconds", type=int, default=4, help="How long a turn is.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="Names of works, with commas between them.")
    options = parser.parse_args()
    works = [work for work in WORKS if not options.only or work.name in options.only.split(",")]
    trees = {"before": checked_out(options.before), "after": provider.Tree()}
    ratios: dict[Work, float] = {}
    with tempfile.TemporaryDirectory(prefix="oidcbench") as folder, ExitStack() as stack:
        cluster = PostgreSQL()
        stack.callback(cluster.stop)
        setups = dict.fromkeys((work.token_format, work.features) for work in works)
        for token_format, features in setups:
            with ExitStack() as up:
                pair = [
                    _start(name, tree, token_format, cluster, Path(folder), up, features)
                    for name, tree in trees.items()
                ]
                for work in works:
                    if (work.token_format, work.features) == (token_format, features):
                        ratios[work] = _compare(work, pair, options.seconds, options.rounds)
    for name, chosen in (
        ("machine endpoints", [ratio for work, ratio in ratios.items() if work.machine]),
        ("all", list(ratios.values())),
    ):
        if chosen:
            print(f"geometric mean, {name}: {statistics.geometric_mean(chosen):.3f}")


def checked_out(commit: str) -> provider.Tree:
    """Return the sources of a commit, installed as its own ``make bench`` installs them."""
    name = _git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    folder = CACHE / "paired" / name
    tree = provider.Tree(folder / "sources", folder / "venv" / "bin" / "python")
    complete = folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(_git("archive", name))) as archive:
            archive.extractall(tree.root, filter="data")
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run(
            [tree.python, "-m", "pip", "install", "--quiet",
             "--requirement", tree.root / "benchmarks/requirements.txt",
             "--editable", f"{tree.root}[postgresql]"],
            check=True,
        )  # fmt: skip
        complete.touch()
    return tree


def _git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", provider.ROOT, *arguments], check=True, stdout=subprocess.PIPE
    ).stdout


def _start(
    name: str,
    tree: provider.Tree,
    token_format: str,
    cluster: PostgreSQL,
    folder: Path,
    stack: ExitStack,
    features: bool,
) -> Server:
    server = provider.oidcserver(
        cluster, folder, token_format, f"{name}_{token_format}", tree, features=features
    )
    server.name = name
    server.prepare()
    log = folder / f"{name}_{token_format}_{features}.log"
    process = stack.enter_context(running(server.command, server.environment, log=log))
    wait_until_it_answers(server.url + server.paths["discovery"], process)
    checks.check(server, token_format)
    return server


def _compare(work: Work, pair: Sequence[Server], seconds: int, rounds: int) -> float:
    """Return the median of the rounds' ratios, the second server's rate to the first's.

    The server that begins changes from round to round.
    """
    for server in pair:
        _rate(work, server, server.warm_up)
    ratios, rates = [], {server.name: [] for server in pair}
    for number in range(rounds):
        for server in pair if number % 2 == 0 else reversed(pair):
            rates[server.name].append(_rate(work, server, seconds))
        before, after = (rates[server.name][-1] for server in pair)
        ratios.append(after / before)
    before, after = (statistics.median(rates[server.name]) for server in pair)
    ratio = statistics.median(ratios)
    print(
        f"{work.name:32}{ratio:6.3f}  ({' '.join(f'{each:.2f}' for each in sorted(ratios))})"
        f"  {before:,.0f} to {after:,.0f} a second",
        flush=True,
    )
    return ratio


def _rate(work: Work, server: Server, seconds: int) -> float:
    return load.run(
        server.base(work.endpoint), work.script, work.arguments(server),
        seconds=seconds, connections=CONNECTIONS,
    ).rate  # fmt: skip


if __name__ == "__main__":
    main()
