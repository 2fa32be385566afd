"""An access token format: hexadecimal digits, for a gateway that accepts nothing else."""

from oidcserver.oauth.tokens import AccessToken, SealedFormat
from oidcserver.types import Configurator, Provider


class HexFormat:
    """The tokens of the format ``sealed``, in hexadecimal digits."""

    def __init__(self) -> None:
        self.sealed = SealedFormat()

    def encode(self, provider: Provider, token: AccessToken) -> str:
        """Return the text of a token."""
        return self.sealed.encode(provider, token).encode().hex()

    def decode(self, provider: Provider, text: str) -> AccessToken | None:
        """Return the token, or None for every text that this format did not write."""
        try:
            sealed = bytes.fromhex(text).decode("ascii")
        except ValueError:
            return None
        return self.sealed.decode(provider, sealed)


def includeme(config: Configurator) -> None:
    """Offer the format for ``oauth.access_token_format``."""
    config.add_access_token_format("hex", HexFormat())
