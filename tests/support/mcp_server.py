"""An MCP server in Pyramid with one tool, which :mod:`oidcserver.resource` protects.

It answers each message with JSON, as the transport allows (MCP, Streamable HTTP).
"""

from typing import Any

from pyramid.config import Configurator
from pyramid.response import Response

TOOL = {"name": "whoami", "description": "The subject.", "inputSchema": {"type": "object"}}


def answer(request: Any) -> Response:
    """Answer a message of JSON-RPC."""
    message = request.json_body
    if "id" not in message:
        return Response(status=202)
    method, parameters = message["method"], message.get("params", {})
    result: dict[str, Any] | None = None
    if method == "initialize":
        result = {
            "protocolVersion": parameters["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "test", "version": "1"},
        }
    elif method == "tools/list":
        result = {"tools": [TOOL]}
    elif method == "tools/call":
        result = {"content": [{"type": "text", "text": request.identity.subject}]}
    elif method == "ping":
        result = {}
    if result is None:
        said: dict[str, Any] = {"error": {"code": -32601, "message": "There is no such method."}}
    else:
        said = {"result": result}
    return Response(json_body={"jsonrpc": "2.0", "id": message["id"], **said})


def make_mcp_server(url: str, issuer: str, **settings: str) -> Any:
    """Return the application that serves at ``url``, which ends with ``/mcp``.

    It accepts tokens for its own URL alone (RFC 8707) and publishes its metadata (RFC 9728).

    :param settings: those of ``oauth_resource``, without the prefix.
    """
    settings |= {"resource": url, "issuer": issuer, "scopes": "openid profile"}
    own = {f"oauth_resource.{name}": value for name, value in settings.items()}
    with Configurator(settings=own) as config:
        config.include("oidcserver.resource")
        config.add_route("mcp", "/mcp")
        config.add_view(answer, route_name="mcp", request_method="POST", oauth_scope="profile")
        config.add_view(lambda request: Response(status=405), route_name="mcp")
    return config.make_wsgi_app()
