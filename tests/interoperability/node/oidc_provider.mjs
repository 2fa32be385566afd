// node-oidc-provider with its own development pages, as the provider at which users sign in.

import Provider from 'oidc-provider'
import { readConfiguration } from './site.mjs'

const { port, issuer, client } = await readConfiguration()

const provider = new Provider(issuer, {
  clients: [client],
  cookies: { keys: ['a key for the cookies of this test'] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    teams: ['teams'],
  },
  scopes: ['openid', 'profile', 'email', 'teams', 'offline_access'],
  features: { backchannelLogout: { enabled: true } },
  // Its default refuses addresses of this machine.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id} Lovelace`,
      preferred_username: id,
      email: `${id}@example.com`,
      email_verified: true,
      teams: ['app-shop', 'secret'],
    }),
  }),
})
provider.listen(port, '127.0.0.1', () => console.log('ready'))
