// Lets a program that imports globSync of fs start on Node.js 20, which does not have it.

import fs from 'node:fs'
import { register } from 'node:module'

const toUrl = (source) => `data:text/javascript,${encodeURIComponent(source)}`

if (!fs.globSync) {
  const completed = toUrl(`
    export * from 'node:fs'
    export { default } from 'node:fs'
    export function globSync() { throw new Error('globSync is of Node.js 22.') }
  `)
  register(toUrl(`
    export const resolve = (specifier, context, next) =>
      specifier === 'fs'
        ? { url: ${JSON.stringify(completed)}, shortCircuit: true }
        : next(specifier, context)
  `))
}
