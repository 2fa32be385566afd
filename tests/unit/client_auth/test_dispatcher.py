"""One dispatcher, exactly one method, one answer to every failure."""

from base64 import b64encode
from typing import Any

import pytest

from oidcserver.oauth.client_authentication import ClientAuthenticationFailed
from oidcserver.oauth.responses import error_response

BASIC_OF_A_AND_B = "Basic YTpi"


def basic(client_id: str, secret: str) -> str:
    return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()


class Rejecter:
    """A third party's method that recognises its credentials and answers as a test says."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def presented(self, request: Any) -> bool:
        return "ticket" in request.form

    def authenticate(self, request: Any, server: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("form", "authorization", "methods"),
    [
        ({"client_secret": "s"}, BASIC_OF_A_AND_B, ["client_secret_basic", "client_secret_post"]),
        ({"client_assertion": "j"}, BASIC_OF_A_AND_B, ["client_secret_basic", "private_key_jwt"]),
        (
            {"client_id": "a", "client_secret": "s", "client_assertion": "j"},
            None,
            ["client_secret_post", "private_key_jwt"],
        ),
    ],
)
def test_several_methods_at_once_are_an_invalid_request(
    server: Any, form: dict[str, str], authorization: str | None, methods: list[str]
) -> None:
    rejection = server.rejection(form, authorization, error="invalid_request")
    assert rejection.received == {"methods": methods}
    assert rejection.status_code == 400


@pytest.mark.parametrize(
    ("form", "authorization"),
    [
        ({}, None),
        ({}, "Bearer abc"),
        ({"client_id": "a"}, "Bearer abc"),
        ({"client_id": "a", "client_assertion_type": "x"}, None),
        ({"code": "a"}, None),
    ],
)
def test_a_request_without_a_method_is_rejected(
    server: Any, form: dict[str, str], authorization: str | None
) -> None:
    assert "presents no method" in server.reason(form, authorization)


def test_a_method_that_is_not_selected_does_not_exist(server: Any) -> None:
    client = server.client("client_secret_post", secret="s")
    form = {"client_id": client.client_id, "client_secret": "s"}
    assert server.authenticate(form) == client.client_id
    server.select("client_secret_basic", "none")
    rejection = server.rejection(form)
    assert rejection.received["parameters"] == ["client_id", "client_secret"]


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post"])
def test_a_secret_is_accepted_in_the_header_and_in_the_body(server: Any, registered: str) -> None:
    client = server.client(registered, secret="s")
    in_body = {"client_id": client.client_id, "client_secret": "s"}
    in_header = basic(client.client_id, "s")
    assert server.authenticate(in_body) == client.client_id
    assert server.authenticate({}, in_header) == client.client_id
    server.rejection(in_body, in_header, error="invalid_request")
    assert server.reason({**in_body, "client_secret": "x"}) == "The secret is not the client's."


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post"])
def test_a_secret_comes_only_by_a_method_that_is_selected(server: Any, registered: str) -> None:
    client = server.client(registered, secret="s")
    server.select("client_secret_basic", "none")
    assert server.authenticate({}, basic(client.client_id, "s")) == client.client_id
    reason = server.reason({"client_id": client.client_id, "client_secret": "s"})
    assert "presents no method" in reason


def test_the_configuration_holds_clients_to_the_method_that_they_registered(server: Any) -> None:
    server.set(client_secret_methods="registered")
    client = server.client("client_secret_basic", secret="s")
    assert server.authenticate({}, basic(client.client_id, "s")) == client.client_id
    rejection = server.rejection({"client_id": client.client_id, "client_secret": "s"})
    assert rejection.received == {
        "method": "client_secret_post",
        "reason": "The client registered client_secret_basic. "
        "oauth.client_secret_methods = registered allows no other.",
        "client_id": client.client_id,
    }


@pytest.mark.parametrize("registered", ["client_secret_jwt", "private_key_jwt", "none", "x_ticket"])
def test_who_registered_no_secret_method_authenticates_by_no_secret(
    server: Any, registered: str
) -> None:
    client = server.client(registered, secret="s")
    rejection = server.rejection({"client_id": client.client_id, "client_secret": "s"})
    assert rejection.received == {
        "method": "client_secret_post",
        "reason": f"The client registered {registered}.",
        "client_id": client.client_id,
    }
    reason = server.reason({}, basic(client.client_id, "s"))
    assert reason == f"The client registered {registered}."


def test_a_confidential_client_cannot_leave_its_secret_out(server: Any) -> None:
    client = server.client("client_secret_basic", secret="s")
    reason = server.reason({"client_id": client.client_id})
    assert reason == "The client registered client_secret_basic."


def test_the_answer_to_every_failure_is_the_same_to_the_byte(server: Any) -> None:
    known = server.client("client_secret_post", secret="s").client_id
    public = server.client("none").client_id
    rejections = [
        server.rejection({"client_id": known, "client_secret": "wrong"}),
        server.rejection({"client_id": "unknown", "client_secret": "s"}),
        server.rejection({"client_id": public, "client_secret": "s"}),
        server.rejection({"client_id": known}),
        server.rejection({"client_assertion": "x"}),
        server.rejection({}, "Basic"),
        server.rejection({}),
    ]
    responses = [error_response(rejection) for rejection in rejections]
    assert len({response.body for response in responses}) == 1
    assert len({tuple(response.headerlist) for response in responses}) == 1
    assert {response.status_int for response in responses} == {401}
    assert responses[0].headers["WWW-Authenticate"].startswith("Basic ")
    reasons = {rejection.received["reason"] for rejection in rejections}
    assert len(reasons) == len(rejections), "and yet those who run the server are told apart"


@pytest.mark.parametrize("client_id", ["cs_" + "x" * 43, "x" * 65, "a\x00b", "é", "\ud800"])
def test_what_cannot_be_an_identifier_is_not_logged(server: Any, client_id: str) -> None:
    rejection = server.rejection({"client_id": client_id, "client_secret": "s"})
    assert set(rejection.received) == {"method", "reason"}


def test_a_secret_is_never_logged(server: Any) -> None:
    client_id = server.client("client_secret_post", secret="s").client_id
    rejection = server.rejection({"client_id": client_id, "client_secret": "not-this-one"})
    assert "not-this-one" not in repr(vars(rejection))


def test_a_third_partys_method_says_why_or_does_not(server: Any) -> None:
    for answer, reason in (
        (None, "The method does not say why."),
        (ClientAuthenticationFailed("The ticket is torn.", client_id="a"), "The ticket is torn."),
    ):
        server.provider.client_authentication_methods["ticket"] = Rejecter(answer)
        assert server.reason({"ticket": "1"}) == reason


def test_a_client_id_beside_another_method_is_not_the_method_none(server: Any) -> None:
    client = server.client("ticket")
    server.provider.client_authentication_methods["ticket"] = Rejecter(client)
    form = {"ticket": "1", "client_id": client.client_id}
    assert server.authenticate(form) == client.client_id
