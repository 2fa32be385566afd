// An adapter of oidc-provider over PostgreSQL: one table, the payload as JSON, indexed by what the
// library looks up. Every write is committed before the answer.
import pg from 'pg';

const GRANTABLE = new Set([
  'AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode',
  'BackchannelAuthenticationRequest',
]);

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS oidc_payload (
    model text NOT NULL,
    id text NOT NULL,
    payload jsonb NOT NULL,
    grant_id text,
    user_code text,
    uid text,
    expires_at timestamptz,
    consumed_at timestamptz,
    PRIMARY KEY (model, id)
  );
  CREATE INDEX IF NOT EXISTS oidc_payload_grant_id ON oidc_payload (grant_id)
    WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_payload_uid ON oidc_payload (uid) WHERE uid IS NOT NULL;
`;

export async function connect(url) {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  await pool.query(SCHEMA);
  return class PostgreSQLAdapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresIn) {
      const expiresAt = expiresIn ? new Date(Date.now() + expiresIn * 1000) : null;
      await pool.query({
        name: 'upsert',
        text: `INSERT INTO oidc_payload (model, id, payload, grant_id, user_code, uid, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (model, id) DO UPDATE SET payload = EXCLUDED.payload,
                 grant_id = EXCLUDED.grant_id, user_code = EXCLUDED.user_code,
                 uid = EXCLUDED.uid, expires_at = EXCLUDED.expires_at`,
        values: [this.model, id, payload, payload.grantId ?? null, payload.userCode ?? null,
          payload.uid ?? null, expiresAt],
      });
    }

    async #one(name, condition, values) {
      const { rows } = await pool.query({
        name,
        text: `SELECT payload, consumed_at FROM oidc_payload
               WHERE model = $1 AND ${condition} AND (expires_at IS NULL OR expires_at > now())`,
        values: [this.model, ...values],
      });
      if (rows.length === 0) return undefined;
      const [{ payload, consumed_at: consumed }] = rows;
      return consumed ? { ...payload, consumed: Math.floor(consumed / 1000) } : payload;
    }

    find(id) {
      return this.#one('find', 'id = $2', [id]);
    }

    findByUid(uid) {
      return this.#one('findByUid', 'uid = $2', [uid]);
    }

    findByUserCode(code) {
      return this.#one('findByUserCode', 'user_code = $2', [code]);
    }

    async consume(id) {
      await pool.query({
        name: 'consume',
        text: 'UPDATE oidc_payload SET consumed_at = now() WHERE model = $1 AND id = $2',
        values: [this.model, id],
      });
    }

    async destroy(id) {
      await pool.query({
        name: 'destroy',
        text: 'DELETE FROM oidc_payload WHERE model = $1 AND id = $2',
        values: [this.model, id],
      });
    }

    async revokeByGrantId(grantId) {
      if (!GRANTABLE.has(this.model)) return;
      await pool.query({
        name: 'revokeByGrantId',
        text: 'DELETE FROM oidc_payload WHERE model = $1 AND grant_id = $2',
        values: [this.model, grantId],
      });
    }
  };
}
