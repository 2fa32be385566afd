"""The page after signing out (OpenID Connect RP-Initiated Logout 1.0 section 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oidcserver.http.uris import with_parameters
from oidcserver.languages.negotiation import UI_LOCALES
from oidcserver.models import RegisteredClient
from oidcserver.oauth.responses import destination

#: The parameters of the end_session endpoint that the sign-out page takes too.
PARAMETERS = ("client_id", "post_logout_redirect_uri", "state", UI_LOCALES)
RULE = "OpenID Connect RP-Initiated Logout 1.0 section 2"


@dataclass(frozen=True, slots=True)
class AfterLogout:
    """The page after signing out, and the ignored parts of the request."""

    client: RegisteredClient | None = None
    #: The URL that the client registered, with the state; None for a page of ours.
    target: str | None = None
    #: A message about ignored parameters, for the developer of the client, and its reference; both
    #: are empty if nothing was ignored.
    ignored: str = ""
    reference: str = ""
    #: The query of the sign-out page.
    query: Mapping[str, str] = field(default_factory=dict)
    #: The name of a target that is no client.
    place: str = ""

    @property
    def is_vouched_for(self) -> bool:
        """Whether this server may redirect users there under the name of the client."""
        return self.client is None or not self.client.self_registered

    @property
    def name(self) -> str:
        """The name of the target: of a client that registered itself, only the host is shown."""
        if self.client is None or self.target is None:
            return self.place
        return self.client.client_name if self.is_vouched_for else destination(self.target)


def after_logout_of(
    client: RegisteredClient | None, data: Mapping[str, str], ignored: str = "", reference: str = ""
) -> AfterLogout:
    """Return where the user goes on after a logout request (RP-Initiated Logout section 3).

    :param client: the client that sent the request; None if it is not known.
    :param data: the parameters of the request.
    """
    query = {"reference": reference} if reference else {}
    if UI_LOCALES in data:
        query[UI_LOCALES] = data[UI_LOCALES]
    uri = data.get("post_logout_redirect_uri")
    if client is None or uri is None or not is_registered(client, uri):
        return AfterLogout(None, None, ignored, reference, query)
    state = data.get("state")
    query |= {"client_id": client.client_id, "post_logout_redirect_uri": uri}
    if state:
        query["state"] = state
    return AfterLogout(client, _with_state(uri, state), ignored, reference, query)


def is_registered(client: RegisteredClient, uri: str) -> bool:
    """Whether a client registered the URI, character by character (section 3)."""
    return uri in (client.member("post_logout_redirect_uris") or ())


def _with_state(uri: str, state: str | None) -> str:
    return with_parameters(uri, {"state": state}) if state else uri
