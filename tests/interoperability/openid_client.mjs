// A relying party on openid-client for Node.js. See support/relying_party_process.py.

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

const configuration = await hear()
const { issuer, client_id, client_secret, redirect_uri, scope } = configuration

async function clientAuthentication() {
  switch (configuration.method) {
    case 'client_secret_basic':
      return client.ClientSecretBasic(client_secret)
    case 'client_secret_post':
      return client.ClientSecretPost(client_secret)
    case 'client_secret_jwt':
      return client.ClientSecretJwt(client_secret)
    case 'private_key_jwt': {
      const { kid, ...jwk } = configuration.jwk
      const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
      return client.PrivateKeyJwt({ key, kid })
    }
    case 'none':
      return client.None()
  }
}

const config = await client.discovery(
  new URL(issuer), client_id, undefined, await clientAuthentication(),
  // The provider of the test speaks http; and the library shall check signatures, which it leaves
  // to TLS otherwise.
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
)

async function login(parameters = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const expectedNonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...parameters,
  })
  const answer = new URL(await ask({ open: url.href }))
  return client.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
  })
}

const refresh = async (tokens) => client.refreshTokenGrant(config, tokens.refresh_token)
const userinfo = async (tokens, subject) =>
  client.fetchUserInfo(config, tokens.access_token, subject)
// The error of an answer, or its status where it is a challenge; nothing for a success.
const refusal = (promise) => promise.then(
  () => '',
  (problem) => problem.error ?? problem.status ?? String(problem),
)

const report = {}
const first = await login()
report.subject = first.claims().sub
report.userinfo = await userinfo(first, report.subject)
const second = await refresh(first)
report.refresh = ''
report.rotated = second.refresh_token !== first.refresh_token
report.userinfo_after_refresh = await userinfo(second, report.subject)
report.introspection = configuration.method === 'none'
  ? null : await client.tokenIntrospection(config, second.access_token)
report.revocation = []
// The library rejects any other status than 200.
await client.tokenRevocation(config, second.access_token, { token_type_hint: 'access_token' })
report.revocation.push(200)
report.userinfo_after_revocation = await refusal(userinfo(second, report.subject))
await client.tokenRevocation(config, second.refresh_token, { token_type_hint: 'refresh_token' })
report.revocation.push(200)
report.refresh_after_revocation = await refusal(refresh(second))
const third = await login()
report.subject_again = third.claims().sub
await ask({ sign_out: true })
report.userinfo_after_sign_out = await refusal(userinfo(third, report.subject))
report.refresh_after_sign_out = await refusal(refresh(third))
report.silent_login_after_sign_out = await refusal(login({ prompt: 'none' }))
report.subject_after_sign_out = (await login()).claims().sub
console.log(JSON.stringify({ report }))
process.exit(0)
