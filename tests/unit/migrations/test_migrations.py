"""The schema's history, on SQLite and on PostgreSQL."""

import multiprocessing
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from oidcserver import migrations
from oidcserver.models import Base
from oidcserver.models.engine import make_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_it_goes_up_and_down_and_up_again(engine: Engine) -> None:
    assert migrations.current(engine) is None
    migrations.upgrade(engine, Base.metadata)
    assert migrations.current(engine) == migrations.head()
    assert tables(engine) == set(Base.metadata.tables)
    migrations.downgrade(engine, Base.metadata, "base")
    assert tables(engine) == set()
    migrations.upgrade(engine, Base.metadata)
    assert tables(engine) == set(Base.metadata.tables)


def test_the_migrated_schema_is_that_of_the_models(engine: Engine) -> None:
    migrations.upgrade(engine, Base.metadata)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_migration_that_fails_leaves_the_old_schema(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail)
    with pytest.raises(RuntimeError, match="killed"):
        migrations.upgrade(engine, Base.metadata)
    monkeypatch.undo()
    assert tables(engine) == set()
    migrations.upgrade(engine, Base.metadata)
    assert migrations.current(engine) == migrations.head()


def _upgrade(url: str) -> None:
    engine = make_engine(url)
    migrations.upgrade(engine, Base.metadata)
    engine.dispose()


def test_of_several_at_once_one_migrates_and_the_others_find_it_done(
    engine: Engine, database_url: str
) -> None:
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_upgrade, args=(database_url,)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        process.join(timeout=60)
    assert [process.exitcode for process in started] == [0, 0, 0]
    assert migrations.current(engine) == migrations.head()
