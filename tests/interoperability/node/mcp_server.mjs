// An MCP server with one tool, which asks the provider's introspection about each access token.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import {
  getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import {
  StreamableHTTPServerTransport,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'

import { readConfiguration, serve } from './site.mjs'

const { port, issuer, client_id, client_secret } = await readConfiguration()
const discovery = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
const oauthMetadata = await discovery.json()
const resourceServerUrl = new URL(`http://127.0.0.1:${port}/mcp`)

async function verifyAccessToken(token) {
  const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
  const response = await fetch(oauthMetadata.introspection_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ token }),
  })
  const answer = await response.json()
  if (!answer.active) throw new InvalidTokenError('The token is not active.')
  if (![answer.aud].flat().includes(resourceServerUrl.href)) {
    throw new InvalidTokenError('The token is for another server.')
  }
  return {
    token,
    clientId: answer.client_id,
    scopes: answer.scope.split(' '),
    expiresAt: answer.exp,
    extra: { subject: answer.sub },
  }
}

function makeServer() {
  const server = new McpServer({ name: 'test', version: '1' })
  server.registerTool('whoami', { description: 'The subject.' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: authInfo.extra.subject }],
  }))
  return server
}

const application = express()
application.use(express.json())
application.use(mcpAuthMetadataRouter({
  oauthMetadata, resourceServerUrl, scopesSupported: ['openid', 'profile'],
}))
const bearer = requireBearerAuth({
  verifier: { verifyAccessToken },
  requiredScopes: ['profile'],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resourceServerUrl),
})
application.post('/mcp', bearer, async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await makeServer().connect(transport)
  await transport.handleRequest(request, response, request.body)
})
serve(application, port)
