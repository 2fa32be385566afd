"""Health: whether this process can serve, for a load balancer."""

from typing import Any

from pyramid.response import Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError


def health(request: Any) -> Response:
    """Answer 200 if the database answers, else 503."""
    engine = request.registry.dbsession_factory.kw["bind"]
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return Response(json_body={"status": "database unavailable"}, status=503)
    return Response(json_body={"status": "ok"})


def includeme(config: Any) -> None:
    """Offer the endpoint; it is not a protocol's, so no metadata names it."""
    config.add_oauth_endpoint("health", "/health", health, methods=("GET",), metadata_field=None)
