// Encrypts and decrypts with jose. Reads one JSON document and writes one.

import { webcrypto } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { CompactEncrypt, compactDecrypt, importJWK } from 'jose'

// Node.js 18, which Debian 12 has, does not make these global.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey

const { encrypt, decrypt } = JSON.parse(await text(process.stdin))

const encrypted = encrypt.map(async ({ jwk, alg, enc, plaintext }) =>
  new CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg, enc, kid: jwk.kid, cty: 'JWT' })
    .encrypt(await importJWK(jwk, alg)))

const decrypted = decrypt.map(async ({ jwk, alg, token }) => {
  const { plaintext, protectedHeader } = await compactDecrypt(token, await importJWK(jwk, alg))
  return { plaintext: new TextDecoder().decode(plaintext), header: protectedHeader }
})

console.log(JSON.stringify({
  encrypted: await Promise.all(encrypted),
  decrypted: await Promise.all(decrypted),
}))
