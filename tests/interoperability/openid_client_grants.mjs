// A relying party on openid-client for Node.js that gets its tokens by `flow`, one of those below, bound
// to a key by DPoP or not. See support/relying_party_process.py.

import { webcrypto } from 'node:crypto'
import readline from 'node:readline'
import * as client from 'openid-client'

// Node.js 18, which Debian 12 has, does not make these global.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const ask = async (message) => {
  console.log(JSON.stringify(message))
  return hear()
}

const { issuer, client_id, client_secret, redirect_uri, scope, flow, bound } = await hear()
const config = await client.discovery(new URL(issuer), client_id, client_secret)
let DPoP
if (bound) {
  DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
}

// The errors that the library handled, in their order.
const handled = []
let pending
const untilPending = new Promise((resolve) => { pending = resolve })
config[client.customFetch] = async (url, options) => {
  const response = await fetch(url, options)
  if (!response.ok) {
    const { error } = await response.clone().json()
    handled.push(error)
    if (error === 'authorization_pending') pending()
  }
  return response
}

async function signIn() {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  }
  const parameters = {
    redirect_uri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  }
  const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
  const answer = new URL(await ask({ open: url.href }))
  const tokens = await client.authorizationCodeGrant(config, answer, checks, undefined, { DPoP })
  return { tokens, sent: [...url.searchParams.keys()], answered: [...answer.searchParams.keys()] }
}

const flows = {
  async pushed() {
    return signIn()
  },
  async 'answered by JWT'() {
    client.useJwtResponseMode(config)
    return signIn()
  },
  async device() {
    const codes = await client.initiateDeviceAuthorization(config, { scope })
    const polling = client.pollDeviceAuthorizationGrant(config, codes, undefined, { DPoP })
    await Promise.race([untilPending, polling])
    await ask({ enter: codes.verification_uri_complete })
    return { tokens: await polling }
  },
  async backchannel() {
    const request = await client.initiateBackchannelAuthentication(config, {
      scope,
      login_hint: 'alice',
      binding_message: 'W4SCT',
    })
    const polling = client.pollBackchannelAuthenticationGrant(config, request, undefined, { DPoP })
    await Promise.race([untilPending, polling])
    await ask({ approve: 'W4SCT' })
    return { tokens: await polling }
  },
}

const { tokens, ...report } = await flows[flow]()
const subject = tokens.claims().sub
report.token_type = tokens.token_type
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
report.userinfo = await client.fetchUserInfo(config, renewed.access_token, subject, { DPoP })
report.confirmation = (await client.tokenIntrospection(config, renewed.access_token)).cnf
report.thumbprint = await DPoP?.calculateThumbprint()
report.handled = handled
console.log(JSON.stringify({ report }))
process.exit(0)
