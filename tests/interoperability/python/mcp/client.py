"""An MCP client with the SDK's own authorization. See support/relying_party_process.py."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)


class Storage:
    """Keeps tokens and client in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def main() -> None:
    """Call the tool, and call it again after the access token has expired."""
    configuration: dict[str, Any] = json.loads(input())
    report: dict[str, Any] = {}
    storage = Storage()

    async def redirect_handler(url: str) -> None:
        report["authorization_url"] = url

    async def callback_handler() -> AuthorizationCodeResult:
        print(json.dumps({"open": report["authorization_url"]}), flush=True)
        answer = parse_qs(urlsplit(json.loads(input())).query)
        return AuthorizationCodeResult(
            code=answer["code"][0], state=answer["state"][0], iss=answer["iss"][0]
        )

    provider = OAuthClientProvider(
        server_url=configuration["mcp_server"],
        client_metadata=OAuthClientMetadata(
            client_name="Simple MCP client", redirect_uris=[configuration["redirect_uri"]]
        ),
        storage=storage,
        redirect_handler=redirect_handler,
        callback_handler=callback_handler,
        client_metadata_url=configuration["client_metadata_url"],
    )

    async def call_tool() -> str:
        async with httpx2.AsyncClient(auth=provider) as http:
            transport = streamable_http_client(configuration["mcp_server"], http_client=http)
            async with Client(transport) as client:
                answer = await client.call_tool("whoami", {})
                return answer.content[0].text

    report["subject"] = await call_tool()
    assert storage.tokens is not None
    assert storage.client is not None
    report["client"] = storage.client.model_dump(mode="json")
    report["tokens"] = storage.tokens.model_dump(mode="json")
    provider.context.token_expiry_time = 1  # long ago
    report["subject_after_refresh"] = await call_tool()
    report["refreshed"] = storage.tokens.access_token != report["tokens"]["access_token"]
    print(json.dumps({"report": report}))


asyncio.run(main())
