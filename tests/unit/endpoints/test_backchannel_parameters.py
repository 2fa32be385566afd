"""The parameters of backchannel requests, whatever text a client sends."""

import unicodedata
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.endpoints.backchannel_authentication import parameters
from oidcserver.oauth.errors import Rejection
from oidcserver.oidc.ciba import BINDING, LIFETIME, MAX_LIFETIME


def asking(**values: str) -> Any:
    """A request of a client in ping mode, with these parameters."""
    return SimpleNamespace(
        payload=SimpleNamespace(data=values),
        provider=SimpleNamespace(settings={BINDING: False, LIFETIME: 300, MAX_LIFETIME: 900}),
        client=SimpleNamespace(member=lambda name: "ping"),
        parameter=lambda name, rule: values[name],
        binding_message=None,
        notification_token=None,
    )


def error_of(step: Callable[[Any], None], request: Any) -> str | None:
    """Run a step; return the error with which it rejects the request, or None."""
    try:
        step(request)
    except Rejection as rejection:
        return str(rejection.error)
    return None


@given(st.text(min_size=1, max_size=80))
def test_a_binding_message_is_shown_whole_or_not_at_all(message: str) -> None:
    request = asking(binding_message=message)
    error = error_of(parameters.read_binding_message, request)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} & set(map(unicodedata.category, message))
    wrong = len(message) > 64 or not message.strip() or hidden or {"<", ">"} & set(message)
    assert error == ("invalid_binding_message" if wrong else None)
    assert request.binding_message == (None if wrong else message)


@given(st.text(alphabet="0123456789", min_size=1, max_size=12) | st.text(min_size=1, max_size=12))
def test_a_requested_expiry_is_within_the_limits(requested: str) -> None:
    request = asking(requested_expiry=requested)
    error = error_of(parameters.read_requested_expiry, request)
    digits = requested.isascii() and requested.isdigit() and len(requested) <= 9
    if digits and int(requested) > 0:
        assert error is None
        assert request.lifetime == min(int(requested), 900)
    else:
        assert error == "invalid_request"


@given(st.text(alphabet="09afAFzZ-._~+/=", min_size=1, max_size=60))
def test_a_notification_token_can_have_128_bits(token: str) -> None:
    request = asking(client_notification_token=token)
    error = error_of(parameters.read_notification_token, request)
    assert error in {None, "invalid_request"}
    assert request.notification_token == (token if error is None else None)
    characters = token.rstrip("=")
    if error is None:
        assert len(characters) >= 22
        assert "=" not in characters


@pytest.mark.parametrize(
    ("token", "accepted"),
    [("z" * 21, False), ("z" * 22, True), ("a" * 31, False), ("a" * 32, True), ("A" * 32, True),
     ("aA" * 11, True), ("9" * 38, False), ("9" * 39, True)],
)  # fmt: skip
def test_a_token_of_few_kinds_of_characters_has_to_be_longer(token: str, accepted: bool) -> None:
    request = asking(client_notification_token=token)
    assert (error_of(parameters.read_notification_token, request) is None) is accepted
