"""Work that each start of a provider does again, done once for all providers of a process."""

import json
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

import jinja2
import pyramid.config.actions
import pyramid_jinja2
import pytest
from joserfc.jwk import Key
from pyramid.i18n import Localizer, make_localizer
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from oidcserver import languages
from oidcserver.database import engine, runner
from oidcserver.database.statements import Compiled
from oidcserver.keys import files
from oidcserver.keys.records import KeyRecord, import_jwk


@contextmanager
def shared_work() -> Iterator[None]:
    """Import each key, read each catalogue, and compile each template and statement once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(files, "import_jwk", _Keys().import_once)
        monkeypatch.setattr(languages, "make_localizer", _localizers())
        monkeypatch.setattr(jinja2.Environment, "compile", _compile_once())
        monkeypatch.setattr(runner, "Compiled", _statements())
        monkeypatch.setattr(engine, "create_engine", _engines_with_one_cache())
        for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            # The compiled statements are found by the dialect, and an engine has its own.
            monkeypatch.setattr(dialect, "__eq__", lambda self, other: type(self) is type(other))
            monkeypatch.setattr(dialect, "__hash__", lambda self: hash(type(self)))
        finder = pyramid_jinja2._PackageFinder
        monkeypatch.setattr(finder, "inspect", SimpleNamespace(stack=_frames))
        stack = SimpleNamespace(extract_stack=_extract_stack)
        monkeypatch.setattr(pyramid.config.actions, "traceback", stack)
        yield


class _Keys:
    """The keys that were imported, by their content."""

    def __init__(self) -> None:
        self._imported: dict[str, Key] = {}

    def import_once(self, record: KeyRecord) -> Key:
        content = json.dumps(asdict(record))
        if content not in self._imported:
            self._imported[content] = import_jwk(record)
        return self._imported[content]


def _compile_once() -> object:
    """Return ``Environment.compile`` with a memory: an application makes an environment."""
    compile_ = jinja2.Environment.compile
    compiled: dict[object, CodeType] = {}

    def compile_once(
        environment: jinja2.Environment,
        source: str,
        name: str | None = None,
        filename: str | None = None,
    ) -> CodeType:
        known = (
            source,
            name,
            filename,
            environment.autoescape,
            environment.trim_blocks,
            environment.lstrip_blocks,
            environment.finalize,
            frozenset(environment.extensions),
            frozenset(environment.filters.items()),
            frozenset(getattr(environment, "oidcserver_domains", ())),
        )
        if known not in compiled:
            compiled[known] = compile_(environment, source, name, filename)
        return compiled[known]

    return compile_once


def _localizers() -> Callable[[str, Iterable[str]], Localizer]:
    """Return Pyramid's ``make_localizer`` with a memory."""
    made: dict[tuple[str, ...], Localizer] = {}

    def make_once(locale_name: str, directories: Iterable[str]) -> Localizer:
        known = (locale_name, *directories)
        if known not in made:
            made[known] = make_localizer(locale_name, known[1:])
        return made[known]

    return make_once


def _statements() -> Callable[..., Compiled]:
    """Return ``Compiled`` with a memory."""
    made: dict[tuple[str, object], Compiled] = {}

    def compile_once(engine: Engine, statement: object, kept: int = 0) -> Compiled:
        if kept:  # it keeps records of its own provider
            return Compiled(engine, statement, kept)
        known = (engine.dialect.name, statement)
        if known not in made:
            made[known] = Compiled(engine, statement)
        return made[known]

    return compile_once


def _engines_with_one_cache() -> Callable[..., Engine]:
    """Return ``create_engine`` whose engines have the same compiled statements."""
    compiled: LRUCache[Any, Any] = LRUCache(2000)

    def create(*arguments: Any, **options: Any) -> Engine:
        made = create_engine(*arguments, **options)
        made._compiled_cache = compiled
        return made

    return create


def _extract_stack(limit: int) -> list[tuple[str, int, str, str]]:
    """Return the frames that Pyramid names in a conflict, without a look at each file's time."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < limit:
        code = frame.f_code
        line = linecache.getline(code.co_filename, frame.f_lineno).strip()
        found.append((code.co_filename, frame.f_lineno, code.co_name, line))
        frame = frame.f_back
    return found[::-1]


def _frames() -> Iterator[tuple[FrameType]]:
    """Yield the frames of the stack without the lines of their sources, which are not used."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield (frame,)
        frame = frame.f_back
