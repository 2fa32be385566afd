"""Signing, encryption and sealing keys: files, rotation, the JWK Set, JWTs and JWEs."""

from functools import cache, partial

from oidcserver.keys.records import ALGORITHMS, ENCRYPTION_ALGORITHMS
from oidcserver.keys.sealing import Sealer
from oidcserver.keys.store import KeyStore, KeyStoreError
from oidcserver.settings import ConfigurationProblem, path, seconds, words
from oidcserver.types import Configurator

#: The settings that name the algorithms that there are keys for.
KEY_SETTINGS = ("oidc.signing_algs", "oidc.decryption_algs")


def includeme(config: Configurator) -> None:
    """Open the key store: ``provider.keys`` and ``provider.sealer(purpose)``."""
    setting = config.add_oauth_setting
    setting("oidcserver.keys_directory", path, None, "The directory of the keys, mode 0700.")
    setting("oidc.signing_algs", words, ALGORITHMS,
            "The algorithms that there are keys for.", allowed=ALGORITHMS)  # fmt: skip
    setting(
        "oidc.decryption_algs",
        words,
        (),
        "The algorithms by which a client may encrypt to the provider. There is a key for each.",
        allowed=ENCRYPTION_ALGORITHMS,
    )
    setting(
        "oidc.key_publish_before",
        seconds,
        86400,
        "The time that a new key is published before it signs.",
    )
    setting("oidc.key_keep_after", seconds, 86400,
            "The time that an old key is published after it last signed.")  # fmt: skip

    def open_keys() -> None:
        provider = config.registry.oidc.provider
        settings = provider.settings
        if settings["oidcserver.keys_directory"] is None:
            raise ConfigurationProblem("oidcserver.keys_directory is missing.")
        algorithms = [alg for name in KEY_SETTINGS for alg in settings[name]]
        open_store = partial(
            KeyStore,
            settings["oidcserver.keys_directory"],
            algorithms,
            publish_before=settings["oidc.key_publish_before"],
            keep_after=settings["oidc.key_keep_after"],
        )
        provider.create_keys = partial(open_store, create_missing=True)
        try:
            provider.keys = open_store(create_missing=settings["oidcserver.mode"] == "development")
        except KeyStoreError as problem:
            text = f"oidcserver.keys_directory: {problem}"
            if not provider.commanded:
                raise ConfigurationProblem(text) from None
            provider.keys_problem = text  # `oidcserver keys rotate` makes the first keys
            return
        provider.sealer = cache(partial(Sealer, provider.keys))

    config.action(("oauth", "keys"), open_keys)
