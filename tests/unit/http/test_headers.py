"""The headers that every response of the provider has, and no response of another application."""

from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from webtest import TestApp

from oidcserver.http.content_security_policy import content_security_policy
from oidcserver.http.headers import headers_tween_factory


def page(request: Request) -> Response:
    return Response("<!DOCTYPE html>")


def consent(request: Request) -> Response:
    request.oidc.content_security_policy.allow("img-src", "https:")
    return Response("<!DOCTYPE html>")


def session_iframe(request: Request) -> Response:
    request.oidc.content_security_policy.allow("frame-ancestors", "*")
    return Response("<!DOCTYPE html>")


def token(request: Request) -> Response:
    return Response(json_body={})


def jwks(request: Request) -> Response:
    return Response(json_body={}, cache_control="public, max-age=300")


def broken(request: Request) -> Response:
    raise HTTPNotFound


def own_headers(request: Request) -> Response:
    response = Response("<!DOCTYPE html>")
    response.headers["Content-Security-Policy"] = "sandbox"
    response.headers["Referrer-Policy"] = "origin"
    return response


VIEWS = (page, consent, session_iframe, token, jwks, broken, own_headers)


def make_app(*, embedded: bool = False, secure: bool = True) -> TestApp:
    with Configurator() as config:
        config.include("oidcserver.plugins.request_attributes")
        config.registry.oidc.provider = SimpleNamespace(
            embedded=embedded,
            secure=secure,
            route_names={view.__name__ for view in VIEWS},
            interactions=(),
        )
        config.add_oidc_attribute("content_security_policy", content_security_policy)
        config.add_tween(f"{headers_tween_factory.__module__}.headers_tween_factory")
        for view in VIEWS:
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(lambda _c, request, view=view: view(request), route_name=view.__name__)
        config.add_route("theirs", "/theirs")
        config.add_view(lambda _c, _r: Response("<!DOCTYPE html>"), route_name="theirs")
        return TestApp(config.make_wsgi_app())


@pytest.fixture
def app() -> TestApp:
    return make_app()


def test_a_page_has_every_protection(app: TestApp) -> None:
    headers = app.get("/page").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "camera=()" in headers["Permissions-Policy"]


def test_what_is_no_page_has_the_headers_that_matter_to_it(app: TestApp) -> None:
    headers = app.get("/token").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" in headers
    assert "Content-Security-Policy" not in headers


def test_a_view_opens_the_policy_of_its_own_page_only(app: TestApp) -> None:
    opened = app.get("/consent").headers["Content-Security-Policy"]
    assert "img-src 'self' https:;" in opened
    closed = app.get("/page").headers["Content-Security-Policy"]
    assert "img-src 'self';" in closed


def test_a_page_that_may_be_framed_has_no_x_frame_options(app: TestApp) -> None:
    headers = app.get("/session_iframe").headers
    assert "frame-ancestors *" in headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in headers


def test_what_a_view_set_itself_stays(app: TestApp) -> None:
    assert app.get("/jwks").headers["Cache-Control"] == "public, max-age=300"
    headers = app.get("/own_headers").headers
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Referrer-Policy"] == "origin"


@pytest.mark.parametrize("path", ["/broken", "/nowhere"])
def test_error_responses_are_protected_too(app: TestApp, path: str) -> None:
    headers = app.get(path, status=404, headers={"Accept": "text/html"}).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store"


def test_hsts_is_for_an_https_issuer_only() -> None:
    assert "Strict-Transport-Security" not in make_app(secure=False).get("/page").headers


@pytest.mark.parametrize(("path", "status"), [("/theirs", 200), ("/nowhere", 404)])
def test_responses_of_an_embedding_application_are_left_alone(path: str, status: int) -> None:
    headers: Any = make_app(embedded=True).get(path, status=status).headers
    assert not {"Cache-Control", "Referrer-Policy", "X-Frame-Options"} & set(headers)
    assert not {"Content-Security-Policy", "Strict-Transport-Security"} & set(headers)


@pytest.mark.parametrize(("path", "status"), [("/page", 200), ("/broken", 404)])
def test_embedded_the_providers_own_responses_are_protected(path: str, status: int) -> None:
    headers = make_app(embedded=True).get(path, status=status).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
