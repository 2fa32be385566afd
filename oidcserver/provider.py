"""The provider: what was selected, frozen at the start, shared by every request."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from oidcserver.catalog import Catalog
from oidcserver.interfaces import (
    ClaimsSource,
    ClientAuthenticationMethod,
    GrantOffer,
    Interaction,
    Scope,
    Step,
    UserDirectory,
)
from oidcserver.settings import Settings

MetadataValue = Callable[["Provider"], Any]


class Provider:
    """What the ini selected of what the code offered; ``registry.oidc.provider``."""

    def __init__(self, route_prefix: str | None) -> None:
        self.catalog = Catalog()
        self.settings: Settings
        #: "/auth" when included under that prefix, or "".
        self.route_prefix = f"/{route_prefix.strip('/')}" if route_prefix else ""
        #: Whether another application included us; ``main`` says that none did.
        self.embedded = True
        #: Whether a command asks, which prepares what a server has to find (schema, keys).
        self.commanded = False
        #: The routes of endpoints, pages and static files.
        self.route_names: set[str] = set()
        #: The routes of pages: what a person sees, and whose forms are checked.
        self.page_route_names: set[str] = set()
        self.endpoints: dict[str, str] = {}
        #: The paths of endpoints that take multipart/form-data.
        self.multipart_paths: frozenset[str] = frozenset()
        #: The paths of endpoints that scripts of other origins use, ``{name}`` for one segment.
        self.paths_for_scripts: set[str] = set()
        #: The paths of endpoints whose requests ``pyramid_tm`` does not manage.
        self.paths_without_transaction: set[str] = set()
        self.grants: dict[str, GrantOffer] = {}
        self.response_types: frozenset[str] = frozenset()
        self.response_modes: dict[str, Any] = {}
        self.client_authentication_methods: dict[str, ClientAuthenticationMethod] = {}
        self.access_token_formats: dict[str, Any] = {}
        self.scopes: dict[str, Scope] = {}
        self.claims_sources: dict[str, ClaimsSource] = {}
        #: The page of each authentication context class that is reached here, the weakest first.
        self.acr_pages: dict[str, str] = {}
        self.subject_types: dict[str, Callable[..., str]] = {}
        #: The steps of each flow, in order.
        self.flows: dict[str, tuple[Step, ...]] = {}
        self.interactions: tuple[Interaction, ...] = ()
        self.metadata: dict[str, MetadataValue] = {}
        self.user_directory: UserDirectory
        #: Set by ``oidcserver.keys``: the key store, or for a command what is wrong with the keys.
        self.keys: Any = None
        self.keys_problem = ""
        self.create_keys: Callable[[], Any]
        self.sealer: Callable[[str], Any]

    @property
    def issuer(self) -> str:
        """The issuer identifier, which every URL of the provider begins with."""
        issuer: str = self.settings["oidc.issuer"]
        return issuer

    @property
    def origin(self) -> str:
        """Scheme, host and port of the issuer: what browsers send as Origin."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def secure(self) -> bool:
        """Whether the issuer is https, so that cookies are Secure and HSTS is sent."""
        return self.issuer.startswith("https:")

    @cached_property
    def cookie_prefix(self) -> str:
        """How the names of our cookies begin.

        A browser sends cookies to every port and path of a host (RFC 6265 section 8.5), so each
        provider has names of its own.
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
    def token_grants(self) -> dict[str, GrantOffer]:
        """The selected grants that the token endpoint answers, by grant_type."""
        return {
            name: offer
            for name, offer in self.grant_types.items()
            if hasattr(offer.factory, "check_token_endpoint")
        }

    @property
    def grant_types(self) -> dict[str, GrantOffer]:
        """The selected grants that the token endpoint or registration knows, by grant_type."""
        return {g.grant_type: g for g in self.grants.values() if g.grant_type}

    @property
    def claim_names(self) -> Mapping[str, None]:
        """Every claim about a person that can be had here, as keys in a stable order."""
        names = [name for scope in self.scopes.values() for name in scope.claims]
        names += [name for source in self.claims_sources.values() for name in source.claims]
        return dict.fromkeys(names)

    def is_for_scripts(self, path: str) -> bool:
        """Whether scripts of other origins may use the endpoint at a path."""
        if path in self.paths_for_scripts:
            return True
        segments = path.split("/")
        return any(
            len(segments) == len(pattern)
            and all(a == b or b[:1] == "{" for a, b in zip(segments, pattern, strict=True))
            for pattern in (each.split("/") for each in self.paths_for_scripts if "{" in each)
        )

    def url(self, path: str) -> str:
        """Return the public URL of a path of this application, whatever Host a request had.

        The issuer stands for the place where the provider's routes begin, so the prefix under
        which they were included is not repeated.
        """
        return self.issuer + path.removeprefix(self.route_prefix)

    def discovery(self) -> Mapping[str, Any]:
        """Return the metadata document (OpenID Connect Discovery section 3, RFC 8414)."""
        document = {name: value(self) for name, value in self.metadata.items()}
        return {name: value for name, value in document.items() if value not in (None, [], ())}
