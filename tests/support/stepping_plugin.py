"""A plugin with a step in each flow: it goes on, rejects or answers, as a header says."""

from typing import Any

from pyramid.response import Response

from oidcserver.oauth.errors import Rejection

HEADER = "X-Example"
#: Each flow, and the step that the plugin's own follows or precedes.
PLACES = {
    "token": {"after": "authenticate_client"},
    "introspection": {"after": "read_token"},
    "revocation": {"before": "commit"},
    "authorization": {"before": "ask_user"},
    "authorization_request": {"after": "narrow_scope"},
    "authorization_response": {"before": "add_state"},
    "pushed_authorization_request": {"before": "check_request"},
    "userinfo": {"before": "write_response"},
    "registration": {"after": "check_metadata"},
    "client_configuration": {"after": "find_client"},
    "end_session": {"before": "commit"},
    "device_authorization": {"before": "prepare_codes"},
    "device_authorization_request": {"after": "narrow_scope"},
    "device_approval": {"before": "approve"},
    "backchannel_authentication": {"after": "find_user"},
    "upstream_logout": {"before": "commit"},
}


class ExampleStep:
    """The step of one flow."""

    def __init__(self, flow: str) -> None:
        self.flow = flow
        #: The objects that it was called with.
        self.seen: list[Any] = []

    def __call__(self, flowing: Any) -> Response | None:
        self.seen.append(flowing)
        wish = flowing.request.headers.get(HEADER)
        if wish == "answer":
            return Response(status=299, body=self.flow.encode())
        # The parameters of a rejection pass the flow authorization_response too.
        if wish == "reject" and "error" not in getattr(flowing, "parameters", {}):
            raise Rejection("access_denied", f"The step of {self.flow} rejects.")
        return None


def includeme(config: Any) -> None:
    config.registry.example_steps = {flow: ExampleStep(flow) for flow in PLACES}
    for flow, place in PLACES.items():
        step = config.registry.example_steps[flow]
        config.add_oauth_step(flow, "example", step, **place)
