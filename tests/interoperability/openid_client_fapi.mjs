// A relying party on openid-client for Node.js by FAPI 2.0 Message Signing: it pushes signed requests, is
// answered by JWTs, authenticates by its key, and has its tokens bound to another. Then it asks for a
// sign-in by a signed backchannel request (FAPI-CIBA). See support/relying_party_process.py.

import { webcrypto } from 'node:crypto'
import readline from 'node:readline'
import { SignJWT } from 'jose'
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

const { issuer, client_id, redirect_uri, jwk } = await hear()
const { kid, ...private_jwk } = jwk
const algorithm = { name: 'RSA-PSS', hash: 'SHA-256' }
const key = await crypto.subtle.importKey('jwk', private_jwk, algorithm, false, ['sign'])

const metadata = {
  id_token_signed_response_alg: 'PS256',
  authorization_signed_response_alg: 'PS256',
}
const authentication = client.PrivateKeyJwt({ key, kid })
const config = await client.discovery(
  new URL(issuer), client_id, metadata, authentication,
)
client.useJwtResponseMode(config)
client.enableNonRepudiationChecks(config)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

const handled = []
config[client.customFetch] = async (url, options) => {
  const response = await fetch(url, options)
  if (!response.ok) handled.push((await response.clone().json()).error)
  return response
}

const checks = {
  pkceCodeVerifier: client.randomPKCECodeVerifier(),
  expectedState: client.randomState(),
  expectedNonce: client.randomNonce(),
  idTokenExpected: true,
}
const signed = await client.buildAuthorizationUrlWithJAR(config, {
  redirect_uri,
  scope: 'openid profile email offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: checks.expectedState,
  nonce: checks.expectedNonce,
}, { key, kid })
const url = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP })
const answer = new URL(await ask({ open: url.href }))
const tokens = await client.authorizationCodeGrant(config, answer, checks, undefined, { DPoP })

const report = {
  pushed: [...signed.searchParams.keys()],
  sent: [...url.searchParams.keys()],
  answered: [...answer.searchParams.keys()],
  token_type: tokens.token_type,
  subject: tokens.claims().sub,
  thumbprint: await DPoP.calculateThumbprint(),
}
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
report.rotated = ![undefined, tokens.refresh_token].includes(renewed.refresh_token)
report.userinfo = await client.fetchUserInfo(config, renewed.access_token, report.subject, { DPoP })
report.confirmation = (await client.tokenIntrospection(config, renewed.access_token)).cnf
const withoutProof = await fetch(config.serverMetadata().userinfo_endpoint, {
  headers: { authorization: `Bearer ${renewed.access_token}` },
})
report.as_bearer = withoutProof.status

// The library sends a signed backchannel request; jose signs it.
const request = await new SignJWT({
  scope: 'openid profile email offline_access',
  login_hint: 'alice',
  binding_message: 'W4SCT',
})
  .setProtectedHeader({ alg: 'PS256', kid })
  .setIssuer(client_id).setAudience(issuer).setJti(crypto.randomUUID())
  .setIssuedAt().setNotBefore('0s').setExpirationTime('5m')
  .sign(key)
const requested = await client.initiateBackchannelAuthentication(config, { request })
await ask({ approve: 'W4SCT' })
const approved = await client.pollBackchannelAuthenticationGrant(
  config, requested, undefined, { DPoP },
)
report.backchannel = { token_type: approved.token_type, subject: approved.claims().sub }
report.handled = handled
console.log(JSON.stringify({ report }))
process.exit(0)
