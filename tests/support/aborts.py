"""Transactions that PostgreSQL aborts, as it does where two of them conflict."""

from sqlalchemy import Engine, text

FUNCTION = """
CREATE SEQUENCE aborts;
CREATE FUNCTION abort() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('aborts') <= 3 THEN
        RAISE EXCEPTION 'an injected conflict' USING ERRCODE = TG_ARGV[0];
    END IF;
    RETURN NEW;
END $$;
"""
#: When a row is written, and when its transaction commits.
TRIGGERS = {
    "write": "CREATE TRIGGER abort BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW "
    "EXECUTE FUNCTION abort('{state}')",
    "commit": "CREATE CONSTRAINT TRIGGER abort AFTER INSERT OR UPDATE ON {table} "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION abort('{state}')",
}


class Aborts:
    """Aborts the next three attempts to write to a table. A sequence counts, which no abort undoes.

    :param when: ``write`` or ``commit``.
    :param state: the SQLSTATE, such as 40001.
    """

    def __init__(self, engine: Engine, table: str, when: str, state: str) -> None:
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(text(FUNCTION))
            connection.execute(text(TRIGGERS[when].format(table=table, state=state)))
            connection.execute(text("SELECT setval('aborts', 4, false)"))

    def begin(self) -> None:
        """Abort the next three attempts."""
        with self._engine.begin() as connection:
            connection.execute(text("SELECT setval('aborts', 1, false)"))

    def happened(self) -> bool:
        """Whether all of them were made."""
        with self._engine.begin() as connection:
            attempts: int = connection.execute(text("SELECT last_value FROM aborts")).scalar_one()
        return attempts > 3
