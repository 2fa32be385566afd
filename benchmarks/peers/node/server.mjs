// node oidc-provider as a peer: one process, one client, any login is taken.
// Environment: PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI; DATABASE_URL for PostgreSQL, else the
// library's own memory; CLIENT_IN=store keeps the client there too, as registration would, else it
// is part of the configuration; TOKEN_FORMAT=jwt for RS256 access tokens. FEATURES is the resource
// that tokens may be exchanged for, with DPoP, or empty.
import { generateKeyPairSync } from 'node:crypto';

import Provider, { errors } from 'oidc-provider';

import { connect } from './postgresql_adapter.mjs';

const {
  PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, CLIENT_IN, DATABASE_URL, TOKEN_FORMAT, FEATURES,
} = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const api = 'urn:example:api';
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';

const Adapter = DATABASE_URL ? await connect(DATABASE_URL) : undefined;
const client = {
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  redirect_uris: [REDIRECT_URI],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials',
    ...(FEATURES ? [exchange] : [])],
  scope: 'openid profile email offline_access',
};
const stored = CLIENT_IN === 'store';
if (stored) await new Adapter('Client').upsert(CLIENT_ID, client);

const provider = new Provider(issuer, {
  adapter: Adapter,
  clients: stored ? [] : [client],
  cookies: { keys: ['benchmark'] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, email: `${id}@example.com` }),
  }),
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  // As the others do: whoever may refresh gets a refresh token for each code.
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: 600, ClientCredentials: 600, IdToken: 600, AuthorizationCode: 60,
    RefreshToken: 14 * 86400, Session: 86400, Grant: 14 * 86400, Interaction: 3600 },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    dPoP: { enabled: Boolean(FEATURES) },
    resourceIndicators: {
      enabled: TOKEN_FORMAT === 'jwt',
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'profile email',
        audience: api,
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

// A client exchanges a live token that it was given for one of the resource; it is the actor.
async function exchangeToken(ctx) {
  const { client, params } = ctx.oidc;
  const subject = await provider.AccessToken.find(params.subject_token);
  if (!subject || subject.clientId !== client.clientId) throw new errors.InvalidGrant('subject');
  if (params.resource !== FEATURES) throw new errors.InvalidTarget();
  const grant = await provider.Grant.find(subject.grantId);
  if (!grant) throw new errors.InvalidGrant('grant');
  const scope = grant.getOIDCScopeFiltered(new Set([params.scope]));
  const token = new provider.AccessToken({
    accountId: subject.accountId,
    client,
    extra: { act: { sub: client.clientId } },
    grantId: subject.grantId,
    gty: 'token_exchange',
    scope,
  });
  token.resourceServer = new provider.ResourceServer(FEATURES, {
    scope: 'profile', audience: FEATURES, accessTokenFormat: 'opaque', accessTokenTTL: 600,
  });
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: token.expiration,
    scope,
  };
}

if (FEATURES) {
  provider.registerGrantType(exchange, exchangeToken,
    ['subject_token', 'subject_token_type', 'resource', 'scope']);
}

provider.listen(Number(PORT), '127.0.0.1', () => console.log('ready'));
