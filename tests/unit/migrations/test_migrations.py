"""The schema's history, on SQLite and on PostgreSQL."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, insert, inspect, select, text

from oidcserver.database.engine import make_engine
from oidcserver.migrations import NEEDED, current, history
from oidcserver.models import (
    Authorization,
    AuthorizationCode,
    Base,
    Client,
    Consent,
    PairwiseSubject,
    User,
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_it_goes_up_and_down_and_up_again(engine: Engine) -> None:
    assert current(engine) is None
    history.upgrade(engine, Base.metadata)
    assert current(engine) == NEEDED
    assert tables(engine) == set(Base.metadata.tables)
    history.downgrade(engine, Base.metadata, "base")
    assert tables(engine) == set()
    history.upgrade(engine, Base.metadata)
    assert tables(engine) == set(Base.metadata.tables)


def test_the_migrated_schema_is_that_of_the_models(engine: Engine) -> None:
    history.upgrade(engine, Base.metadata)
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
        history.upgrade(engine, Base.metadata)
    monkeypatch.undo()
    assert tables(engine) == set()
    history.upgrade(engine, Base.metadata)
    assert current(engine) == NEEDED


def _upgrade(url: str) -> None:
    engine = make_engine(url)
    history.upgrade(engine, Base.metadata)
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
    assert current(engine) == NEEDED


def _upgrade_until(url: str, statement: str) -> None:
    """Upgrade; be killed as soon as a statement begins that way."""

    def kill(connection: Any, cursor: Any, text: str, *arguments: Any) -> None:
        if text.lstrip().startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    engine = make_engine(url)
    event.listen(engine, "before_cursor_execute", kill)
    event.listen(engine, "commit", lambda connection: kill(connection, None, "COMMIT"))
    history.upgrade(engine, Base.metadata)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE alembic_version",
        "CREATE TABLE client",
        "CREATE TABLE refresh_token",
        "INSERT INTO alembic_version",
        "COMMIT",
    ],
)
def test_killed_at_any_moment_it_leaves_the_old_schema_and_works_again(
    engine: Engine, database_url: str, statement: str
) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_upgrade_until, args=(database_url, statement))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
    assert inspect(engine).get_table_names() == []
    history.upgrade(engine, Base.metadata)
    assert current(engine) == NEEDED
    assert tables(engine) == set(Base.metadata.tables)


def test_a_table_made_anew_keeps_what_refers_to_it(engine: Engine) -> None:
    """Alembic's batch mode on SQLite copies a table and drops the original."""
    history.upgrade(engine, Base.metadata)
    with engine.begin() as connection:
        connection.execute(insert(User).values(id="alice", username="A", username_key="a"))
        connection.execute(insert(Client).values(client_id="client"))
        connection.execute(insert(Consent).values(user_id="alice", client_id="client"))
    with history.migrating(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("client") as batch:
            batch.alter_column("secret_digest", new_column_name="digest_of_secret")
    assert "digest_of_secret" in {
        column["name"] for column in inspect(engine).get_columns("client")
    }
    with engine.begin() as connection:
        assert connection.execute(select(Consent.client_id)).all() == [("client",)]
        # The foreign keys hold again.
        connection.execute(text("DELETE FROM client"))
        assert connection.execute(select(Consent.client_id)).all() == []


def test_an_exemption_from_pkce_becomes_a_member_of_the_metadata(engine: Engine) -> None:
    history.upgrade(engine, Base.metadata, "0002")
    insertion = text(
        "INSERT INTO client (client_id, client_metadata, pkce_optional, secret_expires_at, "
        "previous_secret_expires_at, client_id_issued_at, updated_at, resource_server) "
        "VALUES (:id, :metadata, :optional, 0, 0, 0, 0, :no)"
    )
    public = '{"token_endpoint_auth_method": "none"}'
    with engine.begin() as connection:
        for client_id, metadata, optional in (
            ("exempt", '{"client_name": "é"}', True),
            ("held", "{}", False),
            ("public", public, True),
        ):
            values = {"id": client_id, "metadata": metadata, "optional": optional, "no": False}
            connection.execute(insertion, values)
    history.upgrade(engine, Base.metadata)
    stored = select(Client.client_id, Client.client_metadata).order_by(Client.client_id)
    with engine.begin() as connection:
        assert dict(connection.execute(stored).all()) == {
            "exempt": {"client_name": "é", "require_pkce": False},
            "held": {},
            "public": {"token_endpoint_auth_method": "none"},
        }
    history.downgrade(engine, Base.metadata, "0002")
    with engine.begin() as connection:
        exempt = text("SELECT client_id FROM client WHERE pkce_optional")
        assert connection.execute(exempt).scalars().all() == ["exempt"]
        assert connection.execute(stored).all()[0][1] == {"client_name": "é"}


def test_a_client_id_may_become_a_url_and_such_clients_go_with_all_that_they_have(
    engine: Engine,
) -> None:
    url = "https://client.example/" + "x" * 200
    history.upgrade(engine, Base.metadata)
    with engine.begin() as connection:
        connection.execute(insert(User).values(id="alice", username="A", username_key="a"))
        for client_id, expires_at in (("client", None), (url, 1)):
            values = {"client_id": client_id, "document_expires_at": expires_at}
            connection.execute(insert(Client).values(**values))
            connection.execute(insert(Consent).values(user_id="alice", client_id=client_id))
            connection.execute(
                insert(Authorization).values(
                    id=client_id[:64], client_id=client_id, user_id="alice", subject="alice",
                    expires_at=1,
                )
            )  # fmt: skip
            connection.execute(
                insert(AuthorizationCode).values(
                    code_digest=client_id[:64], authorization_id=client_id[:64],
                    client_id=client_id, expires_at=1,
                )
            )  # fmt: skip
    history.downgrade(engine, Base.metadata, "0011")
    with engine.begin() as connection:
        for model in (Client, Consent, Authorization, AuthorizationCode):
            rows = connection.scalars(select(model.__table__.c.client_id)).all()
            assert rows == ["client"], model


def test_a_migration_that_leaves_rows_which_refer_to_nothing_is_undone(
    tmp_path: Path,
) -> None:
    """PostgreSQL rejects these by itself."""
    engine = make_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    history.upgrade(engine, Base.metadata)
    with (
        pytest.raises(RuntimeError, match="refer to nothing"),
        history.migrating(engine) as connection,
    ):
        connection.execute(insert(Consent).values(user_id="nobody", client_id="nothing"))
    with engine.begin() as connection:
        assert connection.execute(select(Consent.client_id)).all() == []
    engine.dispose()


def test_pairwise_subjects_move_with_the_sector_of_their_client_where_it_was_alone(
    engine: Engine,
) -> None:
    history.upgrade(engine, Base.metadata)
    redirect_uris = {
        "web": "https://web.example/cb",
        "app": "com.example.app://host.example/cb",
        "borrower": "com.evil.app://victim.example/cb",
        "victim": "https://victim.example/cb",
        "one": "http://127.0.0.1/cb",
        "two": "http://127.0.0.1/other",
    }
    with engine.begin() as connection:
        connection.execute(insert(User).values(id="alice", username="A", username_key="a"))
        for client_id, uri in redirect_uris.items():
            metadata = {"redirect_uris": [uri], "subject_type": "pairwise"}
            values = {"client_id": client_id, "client_metadata": metadata}
            connection.execute(insert(Client.__table__).values(values))
        for sector in ("web.example", "app", "victim.example", "127.0.0.1"):
            values = {"subject": f"alice at {sector}", "user_id": "alice", "sector": sector}
            connection.execute(insert(PairwiseSubject).values(values))

    def sectors() -> dict[str, str]:
        with engine.connect() as connection:
            rows = connection.execute(select(PairwiseSubject.subject, PairwiseSubject.sector))
            return {subject.removeprefix("alice at "): sector for subject, sector in rows}

    kept = {name: name for name in ("web.example", "victim.example", "127.0.0.1")}
    history.downgrade(engine, Base.metadata, "0007")
    assert sectors() == {**kept, "app": "host.example"}
    history.upgrade(engine, Base.metadata)
    assert sectors() == {**kept, "app": "app"}


def test_only_the_revisions_of_this_history_are_known() -> None:
    assert history.knows(NEEDED)
    assert not history.knows("0" * 12)


def test_the_code_needs_the_last_revision() -> None:
    assert ScriptDirectory(history.DIRECTORY).get_current_head() == NEEDED


def test_a_server_whose_database_is_up_to_date_does_not_load_alembic(
    tmp_path: Path, keys_directory: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'provider.sqlite'}"
    engine = make_engine(url)
    history.upgrade(engine, Base.metadata)
    engine.dispose()
    settings = {
        "oidcserver.mode": "development",
        "oidc.issuer": "http://localhost:6543",
        "oidcserver.database_url": url,
        "oidcserver.keys_directory": str(keys_directory),
        "oidc.user_directory": "demo",
    }
    start = (
        f"import sys, oidcserver; oidcserver.main({{}}, **{settings});"
        "print('sqlalchemy' in sys.modules, 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_what_was_remembered_by_one_decision_stays_and_what_is_uncertain_is_asked_again(
    engine: Engine,
) -> None:
    history.upgrade(engine, Base.metadata)
    decided = (("once", False, 10), ("remembered", True, 11), ("both", True, 500))
    with engine.begin() as connection:
        connection.execute(insert(User).values(id="alice", username="A", username_key="a"))
        for name, _, _ in decided:
            connection.execute(insert(Client).values(client_id=name))
    history.downgrade(engine, Base.metadata, "0003")
    statement = text(
        "INSERT INTO consent"
        " (user_id, client_id, scope, claims, remembered, created_at, updated_at)"
        " VALUES ('alice', :client, 'openid email', 'birthdate', :remembered, 10, :updated_at)"
    )
    with engine.begin() as connection:
        for name, remembered, updated_at in decided:
            values = {"client": name, "remembered": remembered, "updated_at": updated_at}
            connection.execute(statement, values)
    history.upgrade(engine, Base.metadata)
    columns = (Consent.scope, Consent.remembered_scope, Consent.remembered_claims)
    with engine.begin() as connection:
        rows = connection.execute(select(Consent.client_id, Consent.remembered, *columns)).all()
    assert sorted(tuple(row) for row in rows) == [
        ("both", False, "openid email", "", ""),
        ("once", False, "openid email", "", ""),
        ("remembered", True, "openid email", "openid email", "birthdate"),
    ]


def test_user_names_get_their_new_form_and_none_is_lost(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    history.upgrade(engine, Base.metadata)
    history.downgrade(engine, Base.metadata, "0006")
    names = {
        "1": ("Stra\u00dfe", "strasse"), "2": ("alice", "alice"), "3": ("\uff21lice", "\uff41lice"),
        "4": ("Alice  Liddell", "alice  liddell"),
    }  # fmt: skip
    statement = text(
        "INSERT INTO user_account (id, username, username_key, claims, created_at, updated_at)"
        " VALUES (:id, :name, :key, '{}', :at, :at)"
    )
    with engine.begin() as connection:
        for identifier, (name, key) in names.items():
            values = {"id": identifier, "name": name, "key": key, "at": int(identifier)}
            connection.execute(statement, values)
    history.upgrade(engine, Base.metadata)
    with engine.begin() as connection:
        keys = connection.scalars(select(User.username_key).order_by(User.id)).all()
        known = connection.execute(select(User.id, User.realm, User.external_id)).all()
    assert {tuple(row) for row in known} == {(name, "local", name) for name in names}
    assert keys == ["stra\u00dfe", "alice", "\uff41lice", "alice liddell"]
    assert "The user name of 3 is that of another user" in caplog.text


def test_different_mailboxes_get_different_keys(engine: Engine) -> None:
    history.upgrade(engine, Base.metadata)
    addresses = {
        "1": ("ada@stra\u00dfe.de", "ada@xn--strae-oqa.de", "ada@strasse.de"),
        "2": ("Gro\u00df@example.com", "gro\u00df@example.com", "gross@example.com"),
        "3": ("Ada@EXAMPLE.com", "ada@example.com", "ada@example.com"),
    }
    with engine.begin() as connection:
        for user_id, (address, key, _) in addresses.items():
            claims = {"email": address, "email_verified": True}
            values = {"username": user_id, "username_key": user_id, "address_key": key}
            connection.execute(insert(User).values(id=user_id, claims=claims, **values))
        unverified = {"username": "4", "username_key": "4", "claims": {"email": "ada@example.com"}}
        connection.execute(insert(User).values(id="4", **unverified))

    def keys() -> dict[str, str | None]:
        with engine.connect() as connection:
            rows = connection.execute(select(User.id, User.address_key)).all()
            return {row.id: row.address_key for row in rows}

    history.downgrade(engine, Base.metadata, "0027")
    assert keys() == {"4": None} | {it: folded for it, (_, _, folded) in addresses.items()}
    history.upgrade(engine, Base.metadata)
    assert keys() == {"4": None} | {it: key for it, (_, key, _) in addresses.items()}
