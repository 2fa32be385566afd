"""A relying party in a process of its own: one JSON value a line, both ways.

It says what the person shall do, and is told what came of it::

    {"open": "http://..."}      the URL with the answer
    {"sign_out": true}          true, once the person has signed out on the provider's page
    {"enter": "http://..."}     true, once the person has connected the device that shows the link
    {"approve": "..."}          true, once the person has approved the request that shows the text
    {"report": {...}}           nothing: it is done
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from support.person import Person


def run_relying_party(
    command: Sequence[str], configuration: dict[str, Any], person: Person
) -> tuple[dict[str, Any], list[list[str]]]:
    """Run a relying party to its end.

    :param configuration: its first line; holds ``issuer`` and ``redirect_uri``.
    :returns: its report, and for each time that it sent the person to the provider, the names of
        the forms that came.
    """
    visits: list[list[str]] = []
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            answer: Any = configuration
            while True:
                print(json.dumps(answer), file=process.stdin, flush=True)
                line = process.stdout.readline()
                if not line:
                    errors.seek(0)
                    raise AssertionError(f"the relying party failed:\n{errors.read()}")
                message = json.loads(line)
                if "report" in message:
                    return message["report"], visits
                answer = True
                if "open" in message:
                    answer = person.authorize(message["open"], configuration["redirect_uri"])
                    visits.append(person.seen)
                elif "enter" in message:
                    person.connect_device(message["enter"])
                    visits.append(person.seen)
                elif "approve" in message:
                    person.approve(configuration["issuer"], message["approve"])
                else:
                    person.sign_out(configuration["issuer"])
        except BaseException:
            process.kill()
            raise
