"""The provider: the selected offers, fixed at the start and shared by every request."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from oidcserver.catalog import Catalog
from oidcserver.interfaces import (
    ClaimsSource,
    ClientAuthenticationMethod,
    GrantOffer,
    Interaction,
    ResponseMode,
    Scope,
    Step,
    UserDirectory,
)
from oidcserver.interfaces.authentication import AcrPolicy, AuthenticationMethod, FirstFactor
from oidcserver.interfaces.authorization_details import AuthorizationDetailsType
from oidcserver.interfaces.keys import Keys, Sealer
from oidcserver.interfaces.resources import Resource, resource_key
from oidcserver.interfaces.upstream import Upstream
from oidcserver.settings import Settings

MetadataValue = Callable[["Provider"], Any]


class Provider:
    """The offers that the ini selected; ``registry.oidc.provider``."""

    def __init__(self, route_prefix: str | None) -> None:
        self.catalog = Catalog()
        self.settings: Settings
        #: "/auth" when included under that prefix, or "".
        self.route_prefix = f"/{route_prefix.strip('/')}" if route_prefix else ""
        #: Whether another application includes the provider; ``main`` sets it to false.
        self.embedded = True
        #: Whether a command runs, which may create the schema and the keys that a server needs.
        self.commanded = False
        #: The routes of endpoints, pages and static files.
        self.route_names: set[str] = set()
        #: The routes of pages. Their forms are checked (:mod:`oidcserver.http.csrf`).
        self.page_route_names: set[str] = set()
        #: The selected ways to begin a sign-in besides the password (``oidc.first_factors``).
        self.first_factors: dict[str, FirstFactor] = {}
        #: The selected second factors by name (``oidc.second_factors``).
        self.second_factors: dict[str, AuthenticationMethod] = {}
        #: The selected upstreams by name (``oidc.upstreams``).
        self.upstreams: dict[str, Upstream] = {}
        #: The packages whose templates are translated.
        self.text_domains: set[str] = set()
        self.endpoints: dict[str, str] = {}
        #: The paths of endpoints that take multipart/form-data.
        self.multipart_paths: frozenset[str] = frozenset()
        #: The paths of endpoints that scripts of other origins use, ``{name}`` for one segment.
        self.paths_for_scripts: set[str] = set()
        #: The paths of endpoints whose requests ``pyramid_tm`` does not manage, likewise.
        self.paths_without_transaction: set[str] = set()
        self.grants: dict[str, GrantOffer] = {}
        self.response_types: frozenset[str] = frozenset()
        self.response_modes: dict[str, ResponseMode] = {}
        self.client_authentication_methods: dict[str, ClientAuthenticationMethod] = {}
        self.access_token_formats: dict[str, Any] = {}
        self.scopes: dict[str, Scope] = {}
        #: The declared resources that access tokens may be for, by :func:`resource_key`.
        self.resources: dict[str, Resource] = {}
        self.authorization_details_types: dict[str, AuthorizationDetailsType] = {}
        self.claims_sources: dict[str, ClaimsSource] = {}
        #: The page of each authentication context class that is offered here, the weakest first.
        self.acr_pages: dict[str, str] = {}
        #: Which methods reach which authentication context class.
        self.acr_policy = AcrPolicy(())
        self.subject_types: dict[str, Callable[..., str]] = {}
        #: The steps of each flow, in order.
        self.flows: dict[str, tuple[Step[Any], ...]] = {}
        self.interactions: tuple[Interaction, ...] = ()
        self.metadata: dict[str, MetadataValue] = {}
        self.user_directory: UserDirectory
        #: The key store. A command runs without it where the keys have a problem.
        self.keys: Keys
        self.keys_problem = ""
        #: Creates the missing keys and opens the store.
        self.create_keys: Callable[[], Keys]
        #: Takes the name of a purpose.
        self.sealer: Callable[[str], Sealer]

    def settings_for(self, client: Any) -> Mapping[str, Any]:
        """Return the settings for the requests of a client, which may have a profile for itself."""
        return self._settings_of_profiles.get(client.member("profile"), self.settings)

    @cached_property
    def _settings_of_profiles(self) -> Mapping[str | None, Mapping[str, Any]]:
        """The settings for clients with a profile, by its name."""
        profiles = {offer.name: offer.value for offer in self.catalog.offers("profile").values()}
        return {
            name: {**self.settings, **profile.client_settings(self.settings)}
            for name, profile in profiles.items()
            if profile.client_settings is not None
        }

    @property
    def realm(self) -> str:
        """The realm of the accounts of the selected user directory."""
        realm: str = getattr(self.user_directory, "realm", self.settings["oidc.user_directory"])
        return realm

    @property
    def issuer(self) -> str:
        """The issuer identifier; every URL of the provider begins with it."""
        issuer: str = self.settings["oidc.issuer"]
        return issuer

    @property
    def origin(self) -> str:
        """Scheme, host and port of the issuer, which browsers send as Origin."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def secure(self) -> bool:
        """Whether the issuer is https, so that cookies are Secure and HSTS is sent."""
        return self.issuer.startswith("https:")

    @cached_property
    def cookie_prefix(self) -> str:
        """The beginning of the names of our cookies.

        A browser sends cookies to every port and path of a host (RFC 6265 section 8.5), so each
        provider has its own names.
        """
        parts = urlsplit(self.issuer)
        words = re.findall("[A-Za-z0-9]+", f"{parts.port or ''}{parts.path}")
        chosen: str = self.settings["oidc.cookie_prefix"]
        return chosen or "_".join(["oidcserver", *words])

    def cookie_name(self, name: str) -> str:
        """Return the name under which a cookie is sent.

        Over https it has the prefix ``__Host-``, so that no other host can set it (RFC 6265bis
        section 4.1.3.2); over http, in development, browsers would ignore such a cookie.
        """
        return f"{'__Host-' if self.secure else ''}{self.cookie_prefix}_{name}"

    @cached_property
    def authorization_grants(self) -> dict[str, GrantOffer]:
        """The selected grants that the authorization endpoint answers, by response_type.

        The words of a response type are in alphabetical order.
        """
        return {name: offer for offer in self.grants.values() for name in offer.response_types}

    @cached_property
    def token_grants(self) -> dict[str, GrantOffer]:
        """The selected grants that the token endpoint answers, by grant_type."""
        return {
            name: offer
            for name, offer in self.grant_types.items()
            if hasattr(offer.factory, "check_token_endpoint")
        }

    @cached_property
    def grant_types(self) -> dict[str, GrantOffer]:
        """The selected grants that have a grant_type, by grant_type."""
        return {g.grant_type: g for g in self.grants.values() if g.grant_type}

    def find_resource(self, uri: str) -> Resource | None:
        """Return the resource with a URI, which may be any text."""
        if not self.resources:
            return None
        try:
            return self.resources.get(resource_key(uri))
        except ValueError:
            return None

    def served_resources(self, client_id: str, audience: Collection[str]) -> list[str]:
        """Return the resources of an audience that a client is the server of."""
        found = filter(None, map(self.find_resource, audience))
        return [resource.uri for resource in found if resource.server == client_id]

    @cached_property
    def scopes_of_resources(self) -> frozenset[str]:
        """The scopes that exist only in tokens for the resources that define them.

        Scopes that return claims, and those about the user, are the provider's own.
        """
        named = {name for resource in self.resources.values() for name in resource.scopes}
        return frozenset(name for name in named if not self.scopes[name].claims)

    @cached_property
    def longest_access_token_lifetime(self) -> int:
        """Seconds after which no access token that is issued now is valid any more."""
        own: int = self.settings["oauth.access_token_lifetime"]
        return max([own, *(it.access_token_lifetime or 0 for it in self.resources.values())])

    @cached_property
    def claim_names(self) -> Mapping[str, None]:
        """Every claim about a user that can be requested, as keys in a stable order."""
        names = [name for scope in self.scopes.values() for name in scope.claims]
        names += [name for source in self.claims_sources.values() for name in source.claims]
        return dict.fromkeys(names)

    def is_for_scripts(self, path: str) -> bool:
        """Whether scripts of other origins may use the endpoint at a path."""
        return _matches(path, self.paths_for_scripts)

    def is_without_transaction(self, path: str) -> bool:
        """Whether ``pyramid_tm`` leaves the endpoint at a path alone."""
        return _matches(path, self.paths_without_transaction)

    def url(self, path: str) -> str:
        """Return the public URL of a path of this application; the Host header is not used.

        The issuer is the URL at which the provider's routes begin, so their route prefix is not
        repeated.
        """
        return self.issuer + path.removeprefix(self.route_prefix)

    def discovery(self) -> Mapping[str, Any]:
        """Return the metadata document (OpenID Connect Discovery section 3, RFC 8414)."""
        document = {name: value(self) for name, value in self.metadata.items()}
        return {name: value for name, value in document.items() if value not in (None, [], ())}


def _matches(path: str, patterns: set[str]) -> bool:
    """Whether a path is one of the patterns, in which ``{name}`` stands for any one segment."""
    if path in patterns:
        return True
    segments = path.split("/")
    return any(
        len(segments) == len(pattern)
        and all(a == b or b[:1] == "{" for a, b in zip(segments, pattern, strict=True))
        for pattern in (each.split("/") for each in patterns if "{" in each)
    )
