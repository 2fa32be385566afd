// A relying party on openid-client for Node.js that signs its requests, and has answers signed and
// encrypted to it. See support/relying_party_process.py. Its configuration holds besides: `metadata`, what it
// registered, or registers itself if it has no `client_id` yet; `keys`, its private ones by what they
// are for; and `response_type`.

import { webcrypto } from 'node:crypto'
import readline from 'node:readline'
import * as client from 'openid-client'

// Node.js 18, which Debian 12 has, does not make these global.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const say = (message) => console.log(JSON.stringify(message))

const configuration = await hear()
const { issuer, client_id, metadata, keys, redirect_uri, scope, response_type } = configuration

const ALGORITHMS = {
  signing: [{ name: 'ECDSA', namedCurve: 'P-256' }, ['sign']],
  RSA: [{ name: 'RSA-OAEP', hash: 'SHA-256' }, ['decrypt']],
  EC: [{ name: 'ECDH', namedCurve: 'P-256' }, ['deriveBits']],
}

async function readKey(name) {
  const { kid, use, ...jwk } = keys[name]
  const [algorithm, usages] = ALGORITHMS[name]
  return { kid, key: await crypto.subtle.importKey('jwk', jwk, algorithm, false, usages) }
}

const signing = await readKey('signing')
const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }
const authentication = client.PrivateKeyJwt(signing)
const config = client_id
  ? await client.discovery(new URL(issuer), client_id, metadata, authentication, options)
  : await client.dynamicClientRegistration(new URL(issuer), metadata, authentication, options)
client.enableDecryptingResponses(
  config, ['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM'],
  await readKey('RSA'), await readKey('EC'),
)
if (response_type === 'code id_token') client.useCodeIdTokenResponseType(config)
if (response_type === 'id_token') client.useIdTokenResponseType(config)

if (metadata.authorization_signed_response_alg) client.useJwtResponseMode(config)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const parameters = { redirect_uri, scope, state: expectedState, nonce: expectedNonce }
if (response_type !== 'id_token') {
  parameters.code_challenge = await client.calculatePKCECodeChallenge(pkceCodeVerifier)
  parameters.code_challenge_method = 'S256'
}
let url = metadata.request_object_signing_alg
  ? await client.buildAuthorizationUrlWithJAR(config, parameters, signing)
  : client.buildAuthorizationUrl(config, parameters)
if (metadata.require_pushed_authorization_requests) {
  url = await client.buildAuthorizationUrlWithPAR(config, url.searchParams)
}
say({ open: url.href })
const answer = new URL(await hear())

// What was encrypted, as it was inside: signed.
const report = { client: config.clientMetadata(), id_tokens: [], userinfo_tokens: [] }
if (response_type === 'id_token') {
  const claims = await client.implicitAuthentication(config, answer, expectedNonce, { expectedState })
  report.claims = claims
  report.id_tokens.push(client.getDecryptedResponses(claims))
} else {
  const tokens = await client.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
  })
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  report.claims = { ...tokens.claims(), ...userinfo }
  report.id_tokens.push(...Object.values(client.getDecryptedResponses(tokens)?.id_token ?? {}))
  report.userinfo_tokens.push(client.getDecryptedResponses(userinfo))
}
say({ report })
process.exit(0)
