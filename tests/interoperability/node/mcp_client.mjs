// An MCP client with the SDK's own authorization. See support/relying_party_process.py.

import readline from 'node:readline'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  InMemoryOAuthClientProvider,
} from '@modelcontextprotocol/sdk/examples/client/simpleOAuthClientProvider.js'

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)

const { mcp_server, redirect_uri, client_metadata_url } = await hear()
let authorizationUrl = null
// As the SDK's own example registers.
const provider = new InMemoryOAuthClientProvider(
  redirect_uri,
  {
    client_name: 'Simple OAuth MCP Client',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post',
  },
  (url) => { authorizationUrl = url },
  client_metadata_url ?? undefined,
)

async function connect(transport) {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
  const answer = await client.callTool({ name: 'whoami', arguments: {} })
  await client.close()
  return answer.content[0].text
}

const makeTransport = () =>
  new StreamableHTTPClientTransport(new URL(mcp_server), { authProvider: provider })

const report = {}
const transport = makeTransport()
try {
  await connect(transport)
} catch (problem) {
  if (!(problem instanceof UnauthorizedError)) throw problem
}
report.client = provider.clientInformation()
report.authorization_url = authorizationUrl.href
console.log(JSON.stringify({ open: authorizationUrl.href }))
const answer = new URL(await hear())
await transport.finishAuth(answer.searchParams.get('code'))
report.tokens = provider.tokens()
report.subject = await connect(makeTransport())
// An access token that the server rejects makes the client refresh.
const { access_token, ...others } = provider.tokens()
provider.saveTokens({ ...others, access_token: 'expired' })
report.subject_after_refresh = await connect(makeTransport())
report.refreshed = provider.tokens().access_token !== access_token
console.log(JSON.stringify({ report }))
process.exit(0)
