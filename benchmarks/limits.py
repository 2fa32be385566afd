"""The limits of the machine: what no server on it can surpass."""

import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import load
import psycopg2
from machine import SERVER_CORE, PostgreSQL, free_port, running, wait_until_it_answers

WAITRESS = textwrap.dedent("""
    import sys, waitress
    from oidcserver.operations import serving
    BODY = b'{"issuer": "https://login.example"}'
    HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
    def application(environ, start_response):
        start_response("200 OK", HEADERS)
        return [BODY]
    listen = f"127.0.0.1:{sys.argv[1]}"
    if sys.argv[2] == "as it comes":
        waitress.serve(application, listen=listen)
    else:
        serving.serve(application, {}, listen=listen, threads="16")
""")


def openssl(algorithm: str, seconds: int) -> float:
    """Return OpenSSL's signatures a second by one core."""
    done = subprocess.run(
        ["taskset", "-c", str(SERVER_CORE),
         "openssl", "speed", "-seconds", str(seconds), algorithm],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    last = done.stdout.splitlines()[-1]
    signatures = re.findall(r"\s([0-9.]+)", last)[-2]
    return float(signatures)


def waitress(folder: Path, seconds: float, connections: int, how: str) -> float:
    """Return waitress's answers a second with nothing behind it.

    :param how: "as it comes", or otherwise as this provider runs it.
    """
    port = free_port()
    command = [sys.executable, "-c", WAITRESS, port, how]
    with running(command, {}, log=folder / "waitress.log") as process:
        url = f"http://127.0.0.1:{port}/"
        wait_until_it_answers(url, process)
        arguments = ["GET", "/", "", '"issuer"']
        return load.run(url, "same", arguments, seconds=seconds, connections=connections).rate


def postgresql(cluster: PostgreSQL, seconds: float) -> tuple[float, float]:
    """Return reads by primary key and commits of one row, a second, over one connection."""
    connection = psycopg2.connect(cluster.url(cluster.new_database("limits")))
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE thing (id bigint PRIMARY KEY, content text)")
    cursor.execute("INSERT INTO thing SELECT n, 'content' FROM generate_series(1, 100000) n")
    cursor.execute("PREPARE by_key AS SELECT content FROM thing WHERE id = $1")
    cursor.execute("PREPARE one_more AS INSERT INTO thing VALUES ($1, 'content')")
    figures = []
    for statement, first in (("by_key", 1), ("one_more", 200_000)):
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            cursor.execute(
                f"EXECUTE {statement}({first + count % 90_000})"
                if statement == "by_key"
                else f"EXECUTE {statement}({first + count})"
            )
            count += 1
        figures.append(count / seconds)
    connection.close()
    return figures[0], figures[1]
