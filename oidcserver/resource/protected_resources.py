"""The resources that an application protects, and the resource of each view."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlsplit

from oidcserver.catalog import Offer
from oidcserver.interfaces.resources import Resource, resource_key
from oidcserver.plugins.offering import SCOPE_NAME
from oidcserver.resource.settings import local_provider, read_settings, web_resource
from oidcserver.settings import ConfigurationProblem, nearest
from oidcserver.types import Configurator, Registry

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """A resource of this application; its tokens have ``uri`` as their audience."""

    uri: str
    scopes: tuple[str, ...] = ()
    name: str = ""

    @property
    def path(self) -> str:
        """The path of its metadata at the root of the host (RFC 9728 section 3.1)."""
        path = urlsplit(self.uri).path
        return WELL_KNOWN + (path if path != "/" else "")

    @property
    def metadata_url(self) -> str:
        """The URL of its metadata, for challenges; the Host header is not used."""
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc}{self.path}"


def add_protected_resource(
    config: Configurator, uri: str, *, scopes: Sequence[str] = (), name: str = ""
) -> None:
    """Protect a further resource of this application, beside ``oauth_resource.resource``.

    Views name it by the option ``oauth_resource``. Its metadata (RFC 9728) are published. In the
    application of the provider itself, clients may ask for tokens for it.

    :param uri: its https URL without query and fragment.
    :param scopes: the scopes that its metadata name.
    :param name: its name for users.
    """
    info = config.action_info
    try:
        resource = ProtectedResource(web_resource(uri), tuple(scopes), name)
        _check_scopes(resource)
    except ValueError as problem:
        raise ConfigurationProblem(
            f"The resource {uri!r} of {info.file}:{info.line} cannot be used: it takes {problem}."
        ) from None
    key, declared = resource_key(resource.uri), config.registry.oidc.protected_resources
    if key in declared:
        raise ConfigurationProblem(
            f"The resource {uri!r} of {info.file}:{info.line} is declared twice."
        )
    declared[key] = resource


def _check_scopes(resource: ProtectedResource) -> None:
    for scope in resource.scopes:
        if not SCOPE_NAME.fullmatch(scope):
            raise ValueError("names of scopes without spaces, quotes and backslashes")
        if scope == "offline_access":
            raise ValueError("scopes of its own, and offline_access is one of the provider")


def choose_resource(registry: Registry, named: str | None) -> ProtectedResource | None:
    """Return the resource of a view; None for the provider itself, or without any resource.

    :param named: the value of the option ``oauth_resource``, None without it: then it is
        ``oauth_resource.resource``, or the only resource that there is.
    :raises ConfigurationProblem: if it is unknown, or if there are several to choose from.
    """
    declared = registry.oidc.protected_resources
    if named == "" or (named is None and not declared):
        return None
    if named is None:
        named = read_settings(registry)["oauth_resource.resource"]
        if not named and len(declared) == 1:
            named = next(iter(declared.values())).uri
        if not named:
            raise ConfigurationProblem(
                "There are several resources. A view with oauth_scope has to name one by the "
                f"option oauth_resource: {', '.join(it.uri for it in declared.values())}."
            )
    try:
        resource: ProtectedResource = declared[resource_key(named)]
    except (KeyError, ValueError):
        uris = [it.uri for it in declared.values()]
        raise ConfigurationProblem(
            f"A view has oauth_resource = {named!r}, which is not declared.{nearest(named, uris)}"
        ) from None
    return resource


def declare_resources(registry: Registry) -> None:
    """Add the resource of the settings; in its own application the provider knows all of them."""
    settings, declared = read_settings(registry), registry.oidc.protected_resources
    uri = settings["oauth_resource.resource"]
    if uri:
        scopes, name = settings["oauth_resource.scopes"], settings["oauth_resource.name"]
        resource = ProtectedResource(uri, scopes, name)
        try:
            _check_scopes(resource)
        except ValueError as problem:
            raise ConfigurationProblem(f"oauth_resource.scopes takes {problem}.") from None
        declared[resource_key(uri)] = resource
    provider = local_provider(registry)
    if provider is None:
        return
    for key, resource in declared.items():
        offer = provider.catalog.offers("resource").get(key)
        if offer is None:
            where = SimpleNamespace(file="oauth_resource", line=resource.uri)
            known = Resource(resource.uri, resource.scopes, resource.name)
            provider.catalog.add(Offer("resource", key, known, where))
        else:
            declared[key] = ProtectedResource(
                offer.value.uri,
                resource.scopes or tuple(offer.value.scopes),
                resource.name or offer.value.name,
            )
