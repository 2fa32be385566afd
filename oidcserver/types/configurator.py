"""Pyramid's configurator, and the directives of this package.

A test compares the signatures with those of :mod:`oidcserver.plugins.directives`, whose docstrings
describe each directive.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pyramid.response import Response

from oidcserver.interfaces import (
    AssertionPermission,
    ClientAuthenticationMethod,
    ExchangePermission,
    Step,
    UserDirectory,
)
from oidcserver.interfaces.authentication import AuthenticationMethod, FirstFactor
from oidcserver.interfaces.authorization_details import Detail
from oidcserver.provider import Provider
from oidcserver.settings import Converter
from oidcserver.types.registry import Registry
from oidcserver.types.request import Request


class Configurator(Protocol):
    """Pyramid's configurator with the directives of :mod:`oidcserver.plugins.directives`."""

    registry: Registry
    route_prefix: str | None
    action_info: Any
    action_state: Any
    includepath: tuple[Any, ...]

    def include(self, callable: Any, route_prefix: str | None = None) -> None: ...

    def action(
        self,
        discriminator: Any,
        callable: Callable[..., Any] | None = None,
        *,
        order: int = 0,
        introspectables: Sequence[Any] = (),
    ) -> None: ...

    def introspectable(self, category: str, discriminator: Any, title: str, type_: str) -> Any: ...

    def maybe_dotted(self, name: Any) -> Any: ...

    def add_directive(self, name: str, directive: Any, action_wrap: bool = True) -> None: ...

    def add_request_method(
        self, callable: Any = None, name: str | None = None, *, reify: bool = False
    ) -> None: ...

    def add_settings(self, settings: Mapping[str, Any]) -> None: ...

    def add_route(self, name: str, pattern: str, **options: Any) -> None: ...

    def add_view(self, view: Callable[..., Any] | str | None = None, **options: Any) -> None: ...

    def add_exception_view(
        self, view: Callable[..., Any] | str | None = None, **options: Any
    ) -> None: ...

    def add_forbidden_view(
        self, view: Callable[..., Any] | str | None = None, **options: Any
    ) -> None: ...

    def add_view_predicate(self, name: str, factory: Any) -> None: ...

    def add_notfound_view(
        self, view: Callable[..., Any] | str | None = None, **options: Any
    ) -> None: ...

    def add_static_view(self, name: str, path: str, **options: Any) -> None: ...

    def add_translation_dirs(self, *specs: str, override: bool = False) -> None: ...

    def add_jinja2_extension(self, ext: Any, name: str = ".jinja2") -> None: ...

    def get_jinja2_environment(self, name: str = ".jinja2") -> Any: ...

    def add_cache_buster(self, path: str, cachebust: Any) -> None: ...

    def add_tween(self, name: str, under: Any = None, over: Any = None) -> None: ...

    def add_subscriber(self, subscriber: Any, iface: Any = None) -> None: ...

    def add_view_deriver(
        self, deriver: Any, name: str | None = None, under: Any = None, over: Any = None
    ) -> None: ...

    def set_execution_policy(self, policy: Any) -> None: ...

    def set_security_policy(self, policy: Any) -> None: ...

    def make_wsgi_app(self) -> Any: ...

    def add_oidc_attribute(self, name: str, function: Callable[[Request], Any]) -> None: ...

    def add_oidc_method(self, function: Callable[..., Any], name: str | None = None) -> None: ...

    def add_oauth_offer(self, kind: str, name: str, value: Any) -> None: ...

    def add_oauth_setting(
        self,
        name: str,
        convert: Converter,
        default: Any,
        why: str,
        *,
        secret: bool = False,
        allowed: Sequence[str] = (),
    ) -> None: ...

    def add_oauth_profile(
        self,
        name: str,
        defaults: Mapping[str, Any],
        rules: Sequence[Callable[[Registry], str | None]] = (),
        *,
        client: Callable[[Provider, dict[str, Any]], None] | None = None,
        client_settings: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None: ...

    def add_oauth_grant(
        self,
        name: str,
        factory: Callable[..., Any] | str,
        *,
        grant_type: str | None = None,
        response_types: Sequence[str] = (),
        extensions: Sequence[Callable[[Any], None]] = (),
    ) -> None: ...

    def add_client_authentication_method(
        self, name: str, method: ClientAuthenticationMethod | str
    ) -> None: ...

    def add_oauth_endpoint(
        self,
        name: str,
        pattern: str,
        view: Callable[[Request], Any] | str,
        *,
        methods: Sequence[str] = ("POST",),
        cors: bool = False,
        multipart: bool = False,
        well_known: bool = False,
        transaction: bool = True,
        metadata_field: str | None = "",
        metadata: Mapping[str, Any] | None = None,
        **view_options: Any,
    ) -> None: ...

    def add_oauth_page(self, name: str, register: Callable[["Configurator"], None]) -> None: ...

    def add_oidc_route(self, name: str, pattern: str, **options: Any) -> None: ...

    def add_oidc_view(
        self, view: Callable[..., Any] | str, *, route_name: str, **options: Any
    ) -> None: ...

    def add_oidc_translations(self, spec: str) -> None: ...

    def add_server_metadata(self, field: str, value: Any) -> None: ...

    def add_oauth_flow(self, name: str, steps: Sequence[Step[Any]]) -> None: ...

    def add_oauth_step(
        self,
        flow: str,
        name: str,
        run: Callable[[Any], Response | None],
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> None: ...

    def add_response_mode(
        self,
        name: str,
        encode: Callable[[Any, str, dict[str, str]], Response],
        *,
        problem: Callable[[Any], str | None] | None = None,
        protect: Callable[[Any], dict[str, str]] | None = None,
        posts: bool = False,
    ) -> None: ...

    def add_access_token_format(self, name: str, token_format: Any) -> None: ...

    def add_interaction(
        self,
        name: str,
        needed: Callable[[Any], str | None],
        route_name: str,
        *,
        after: str | Sequence[str] | None = None,
        before: str | Sequence[str] | None = None,
    ) -> None: ...

    def add_scope(self, name: str, description: str, claims: Sequence[str] = ()) -> None: ...

    def add_user_directory(self, name: str, directory: UserDirectory | str) -> None: ...

    def add_claims_source(
        self,
        name: str,
        read: Callable[[Request, Any, frozenset[str]], Mapping[str, Any]] | str,
        claims: Mapping[str, str],
    ) -> None: ...

    def add_first_factor(self, name: str, method: FirstFactor | str) -> None: ...

    def add_authentication_method(self, name: str, method: AuthenticationMethod | str) -> None: ...

    def add_upstream(
        self, name: str, *, issuer: str, client_id: str, label: str, **options: Any
    ) -> None: ...

    def add_acr_value(self, name: str, route_name: str) -> None: ...

    def add_oauth_resource(
        self,
        uri: str,
        *,
        scopes: Sequence[str] = (),
        name: str = "",
        access_token_format: str | None = None,
        access_token_lifetime: int | None = None,
        clients: Sequence[str] = (),
        server: str | None = None,
    ) -> None: ...

    def add_protected_resource(
        self, uri: str, *, scopes: Sequence[str] = (), name: str = ""
    ) -> None: ...

    def add_authorization_details_type(
        self,
        name: str,
        members: Mapping[str, Any],
        describe: Callable[[Detail], str | Sequence[str]],
        *,
        validate: Callable[[Detail], None] | None = None,
        covers: Callable[[Detail, Detail], bool] | None = None,
    ) -> None: ...

    def add_client_metadata_member(
        self, name: str, rule: Callable[[Any, Provider], Any]
    ) -> None: ...

    def add_token_exchange_policy(
        self,
        name: str,
        policy: Callable[[Any, str], ExchangePermission | AssertionPermission | None] | str,
    ) -> None: ...

    def add_subject_type(self, name: str, subject: Callable[..., str]) -> None: ...

    def add_startup_check(self, name: str, check: Callable[[Registry], str | None]) -> None: ...
