"""Directives for settings, profiles, start-up checks and discovery."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oidcserver.interfaces import Profile
from oidcserver.plugins.offering import offer, require
from oidcserver.settings import Converter, Setting
from oidcserver.types import Configurator, Provider, Registry


def add_oauth_setting(
    config: Configurator,
    name: str,
    convert: Converter,
    default: Any,
    why: str,
    *,
    secret: bool = False,
    allowed: Sequence[str] = (),
) -> None:
    """Declare a key of the ini: its converter, its default and its reason.

    Views and grants read the value as ``request.oidc.provider.settings[name]``.

    :param name: the key, such as ``vouchers.lifetime``. Keys of plugins begin with a prefix of
        their own; ``oauth.``, ``oidc.`` and ``oidcserver.`` belong to this package.
    :param convert: takes the text and returns the value, or raises ``ValueError`` with half a
        sentence about the expected text. :mod:`oidcserver.settings` has the common ones. The
        first sentence of its docstring describes the type in the documentation.
    :param default: the value, already converted, where the ini has no such key.
    :param why: one or two sentences for ``oidcserver explain`` and for the documentation.
    :param secret: whether ``explain`` and error messages hide its value. They always do if
        ``convert`` is :func:`oidcserver.settings.reference`, or if the name ends in password,
        passphrase, secret, credential, private_key or api_key.
    :param allowed: the words that the value, a text or a tuple of texts, may consist of. Any other
        stops the start.
    """
    offer(config, "setting", name, Setting(name, convert, default, why, secret, tuple(allowed)))


def add_oauth_profile(
    config: Configurator,
    name: str,
    defaults: Mapping[str, Any],
    rules: Sequence[Callable[[Registry], str | None]] = (),
    *,
    client: Callable[[Provider, dict[str, Any]], None] | None = None,
    client_settings: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> None:
    """Offer a profile for ``oauth.profile``: defaults, and rules that the settings must satisfy.

    :param name: the name in the ini.
    :param defaults: converted values by the name of the setting. The ini may still change each.
    :param rules: each is called with the registry, after selection, and returns None or a sentence
        that stops the start.
    :param client: lets a single client have the profile, by the member ``profile`` of its metadata.
        It is called with the provider and the members that will be stored, which it completes;
        it raises :class:`oidcserver.clients.problems.InvalidClientMetadata` for a member that
        contradicts the profile. It may replace defaults, but no member that the client sent, and
        what it sets has to be available at the provider: otherwise the client is rejected.
    :param client_settings: takes the converted settings, and returns those, by name, that have
        another value for such a client. They count where the provider reads a setting for one
        client (``provider.settings_for``).
    """
    offer(config, "profile", name, Profile(defaults, tuple(rules), client, client_settings))


def add_startup_check(
    config: Configurator, name: str, check: Callable[[Registry], str | None]
) -> None:
    """Add a check of the whole configuration.

    :param name: a name for the check, in a plugin with the plugin's own name in front.
    :param check: is called with the registry, after selection, and returns None or a sentence that
        stops the start. The sentences of all checks are shown together.
    """
    require(config, "startup check", name, check)
    offer(config, "startup check", name, check)


def add_server_metadata(config: Configurator, field: str, value: Any) -> None:
    """Add a member to both discovery documents.

    :param field: the name of the member (RFC 8414 section 2).
    :param value: a value for JSON, or a callable that takes the provider and returns one. The
        member is left out where the value is None or an empty list.
    """
    offer(config, "metadata", field, value if callable(value) else lambda provider: value)
