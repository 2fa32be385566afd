"""The costs of growth: a million rows, pruning, password logins, a second process.

``make bench-growth`` prints a table. It takes about ten minutes.
"""

import argparse
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import bench
import load
import mechanicalsoup
import provider
import psutil
import psycopg2
import servers
from machine import (
    OTHER_CORE,
    SERVER_CORE,
    PostgreSQL,
    free_port,
    running,
    wait_until_it_answers,
)
from works import WORKS, Work

FEW, MANY = 1_000, 1_000_000
LOGINS = 20
PASSWORD = "correct horse battery staple"
UNLIMITED = (
    "oidc.user_directory = database\n"
    "oidc.login_attempts = 1000000\n"
    "oidc.login_attempts_per_address = 1000000"
)
FILL = """
INSERT INTO user_account
    (id, realm, external_id, username, username_key, claims, created_at, updated_at)
  SELECT 'u' || n, 'local', 'u' || n, 'user' || n, 'user' || n, '{{}}', {now}, {now}
  FROM generate_series(1, {rows}) n;
INSERT INTO "authorization" (id, client_id, user_id, subject, scope, created_at, expires_at)
  SELECT 'a' || n, '{client}', 'u' || n, 'u' || n, 'openid', {now}, {end}
  FROM generate_series(1, {rows}) n;
INSERT INTO refresh_token
    (token_digest, authorization_id, client_id, scope, issued_at, expires_at, family_expires_at)
  SELECT encode(sha256(('r' || n)::bytea), 'hex'), 'a' || n, '{client}', 'openid', {now}, {end},
    {end}
  FROM generate_series(1, {rows}) n;
ANALYZE;
"""


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("parts", nargs="*", help=f"Of {', '.join(PARTS)}; all by default.")
    options = parser.parse_args()
    cluster = PostgreSQL()
    try:
        with tempfile.TemporaryDirectory(prefix="oidcbench") as folder:
            for part in options.parts or PARTS:
                PARTS[part](cluster, Path(folder), options.seconds, options.rounds)
    finally:
        cluster.stop()


def _rows(cluster: PostgreSQL, folder: Path, seconds: int, rounds: int) -> None:
    """Compare a thousand rows of each kind with a million, then expire and prune the million."""
    figures = bench.Figures()
    with ExitStack() as stack:
        both = []
        for rows in (FEW, MANY):
            server = _server(cluster, folder, f"{rows} rows")
            stack.enter_context(_started(server, folder))
            _execute(cluster, server, FILL.format(
                rows=rows, client=server.client_id, now=_now(), end=_now() + 86400,
            ))  # fmt: skip
            both.append(server)
        for work in WORKS:
            if work.token_format == "opaque":
                bench._measure(work, both, figures, seconds, rounds)
        for name, measured in figures.works.items():
            few, many = (measured[server.name].rate() for server in both)
            print(f"growth: {name}: {few:,.0f}/s, {many:,.0f}/s: {many / few:.0%}", flush=True)
        _prune(cluster, both[1])


def _prune(cluster: PostgreSQL, server: servers.Server) -> None:
    """Prune a million rows while UserInfo is asked beside it; no live row may go."""
    work = _work("UserInfo")
    arguments = work.arguments(server)
    count = f'SELECT count(*) FROM "authorization" WHERE expires_at > {_now()}'
    # At moments of their own, as in life.
    for table, key in (("refresh_token", "token_digest"), ('"authorization"', "id")):
        moment = f"abs(hashtext({key})) % 100000000"
        _execute(
            cluster, server, f"UPDATE {table} SET expires_at = {moment} WHERE scope = 'openid'"
        )
    _execute(cluster, server, "VACUUM ANALYZE")
    live = _execute(cluster, server, count)

    def ask() -> load.Result:
        return load.run(
            server.url,
            work.script,
            arguments,
            seconds=3,
            connections=8,
            pause=5,
        )

    alone = statistics.median(ask().p99 for _ in range(3))
    began = time.monotonic()
    command = ["taskset", "-c", str(OTHER_CORE), servers.PYTHON.parent / "oidcserver", "prune",
               server.command[-1]]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(list(map(str, command)), **quiet) as pruning:
        beside = []
        while pruning.poll() is None:
            beside.append(ask().p99)
        took = time.monotonic() - began
        assert pruning.returncode == 0
    lost = live - _execute(cluster, server, count)
    left = _execute(cluster, server, count.replace(">", "<="))
    print(
        f"prune: {MANY - left:,} families in {took:.0f} s, {lost} live rows lost; UserInfo p99 "
        f"{alone:.1f} ms alone, {statistics.median(beside):.1f} ms beside it",
        flush=True,
    )


def _logins(cluster: PostgreSQL, folder: Path, seconds: int, _rounds: int) -> None:
    """Let twenty users sign in again and again, and ask for tokens and keys meanwhile."""
    server = _server(cluster, folder, "logins")
    ini = Path(str(server.command[-1]))
    ini.write_text(ini.read_text().replace("oidc.user_directory = demo", UNLIMITED))
    with _started(server, folder):
        subprocess.run(
            [servers.PYTHON.parent / "oidcserver", "users", "create", ini, "alice",
             "--password-stdin"],
            input=PASSWORD, text=True, check=True, capture_output=True,
        )  # fmt: skip
        stop, done = threading.Event(), [0] * LOGINS

        def sign_in(number: int) -> None:
            while not stop.is_set():
                with mechanicalsoup.StatefulBrowser() as browser:
                    browser.open(server.url + "/login")
                    form = browser.select_form("#login")
                    form.set("username", "alice")
                    form.set("password", PASSWORD)
                    done[number] += browser.submit_selected().url.rstrip("/") == server.url

        def ask(name: str) -> load.Result:
            work = _work(name)
            return load.run(server.url, work.script, work.arguments(server),
                            seconds=seconds, connections=4, pause=20)  # fmt: skip

        names = ("client_credentials (opaque)", "JWKS")
        alone = {name: ask(name) for name in names}
        with ThreadPoolExecutor(LOGINS) as pool:
            users = [pool.submit(sign_in, number) for number in range(LOGINS)]
            time.sleep(2)
            first, began = sum(done), time.monotonic()
            try:
                beside = {name: ask(name) for name in names}
                rate = (sum(done) - first) / (time.monotonic() - began)
            finally:
                stop.set()
            for user in users:
                user.result()
        for name in names:
            print(
                f"logins: {name}: p99 {alone[name].p99:.1f} ms alone, {beside[name].p99:.1f} ms "
                f"beside {LOGINS} users signing in ({rate:.1f} logins a second)",
                flush=True,
            )


def _second_process(cluster: PostgreSQL, folder: Path, seconds: int, rounds: int) -> None:
    """Compare one process with two, one a core, the second beside the load and PostgreSQL.

    Their core leaves the second process a part of it, so what a second of CPU time does is compared
    too.
    """
    server = _server(cluster, folder, "processes")
    ini = Path(str(server.command[-1]))
    port = free_port()
    other = ini.with_name("other.ini")
    other.write_text(ini.read_text().replace(f"listen = 127.0.0.1:{server.port}",
                                             f"listen = 127.0.0.1:{port}"))  # fmt: skip
    urls = [server.url, f"http://127.0.0.1:{port}"]
    with _started(server, folder) as first, running(
        [*server.command[:-1], other], {}, cores=(OTHER_CORE,), log=folder / "other.log"
    ) as second:  # fmt: skip
        wait_until_it_answers(urls[1] + server.paths["discovery"], second)
        for name in ("client_credentials (opaque)", "UserInfo", "JWKS"):
            work = _work(name)
            arguments = work.arguments(server)

            def ask(url: str, work: Work = work, arguments: list[str] = arguments) -> float:
                return load.run(
                    url, work.script, arguments, seconds=seconds, connections=bench.CONNECTIONS
                ).rate

            gains, parts, works = [], [], []
            for _ in range(rounds):
                begun = time.monotonic(), _cpu(first), _cpu(second)
                alone = ask(urls[0])
                between = time.monotonic(), _cpu(first), _cpu(second)
                with ThreadPoolExecutor(2) as pool:
                    both = sum(pool.map(ask, urls))
                ended = time.monotonic(), _cpu(first), _cpu(second)
                gains.append(both / alone)
                wall, cpu, other_cpu = (e - b for b, e in zip(between, ended, strict=True))
                parts.append(other_cpu / wall)
                per_second = alone * (between[0] - begun[0]) / (between[1] - begun[1])
                works.append(both * wall / (cpu + other_cpu) / per_second)
            gain, part, did = map(statistics.median, (gains, parts, works))
            print(f"processes: {name}: {gain:.2f} of one's rate by two; the second has {part:.0%} "
                  f"of its core, a CPU second does {did:.2f} of the work", flush=True)  # fmt: skip


def _cpu(process: psutil.Process) -> float:
    """Return the CPU time of a process, in seconds."""
    times = process.cpu_times()
    return times.user + times.system


def _server(cluster: PostgreSQL, folder: Path, name: str) -> servers.Server:
    place = folder / name.replace(" ", "_")
    place.mkdir()
    server = provider.oidcserver(cluster, place, "opaque", name.replace(" ", "_"))
    server.name = name
    server.prepare()
    return server


@contextmanager
def _started(server: servers.Server, folder: Path) -> Iterator[psutil.Process]:
    log = folder / f"{server.name}.log"
    with running(server.command, server.environment, cores=(SERVER_CORE,), log=log) as process:
        wait_until_it_answers(server.url + server.paths["discovery"], process)
        yield process


def _work(name: str) -> Work:
    return next(work for work in WORKS if work.name == name)


def _now() -> int:
    return int(time.time())


def _execute(cluster: PostgreSQL, server: servers.Server, sql: str) -> int:
    """Run statements in a server's database; return the number that the last selects."""
    name = "oidcserver_" + server.name.replace(" ", "_")
    connection = psycopg2.connect(cluster.url(name))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in filter(str.strip, sql.split(";")):
            cursor.execute(statement)
        with suppress(psycopg2.ProgrammingError):
            return int(cursor.fetchone()[0])
    return 0


PARTS = {"rows": _rows, "logins": _logins, "processes": _second_process}

if __name__ == "__main__":
    main()
