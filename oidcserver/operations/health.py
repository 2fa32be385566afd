"""Health: whether this process can serve, for a load balancer."""

from pyramid.response import Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from oidcserver.database.outage import READ_ONLY, SILENT, outage
from oidcserver.types import Configurator, Registry, Request

RETRY_SECONDS = 5
#: A primary of PostgreSQL answers "off", a replica "on".
_READ_ONLY = "SELECT current_setting('transaction_read_only')"


def health(request: Request) -> Response:
    """Answer 200 if the process can serve, else 503 and what is wrong."""
    problem = _problem(request.registry)
    if problem is None:
        return _answer(200, "ok")
    return _answer(503, problem, ("Retry-After", str(RETRY_SECONDS)))


def _problem(registry: Registry) -> str | None:
    try:
        if _is_read_only(registry.oidc.database.engine):
            return READ_ONLY
    except SQLAlchemyError as problem:
        return outage(problem) or SILENT
    if registry.oidc.provider.keys.problem:
        return "the directory of the keys cannot be used"
    return None


def _is_read_only(engine: Engine) -> bool:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            return False
        return bool(connection.exec_driver_sql(_READ_ONLY).scalar_one() == "on")


def _answer(status: int, sentence: str, *headers: tuple[str, str]) -> Response:
    response = Response(json_body={"status": sentence}, status=status)
    response.headers.extend([("Cache-Control", "no-store"), *headers])
    return response


def includeme(config: Configurator) -> None:
    """Offer the endpoint. It belongs to no protocol, so no metadata names it."""
    config.add_oauth_endpoint(
        "health", "/health", health, methods=("GET",), transaction=False, metadata_field=None
    )
