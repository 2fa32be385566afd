// What the applications of the tests have in common.

import readline from 'node:readline'

/** The first line of standard input: `port`, `site` and `options`, which docs/relying-parties.md shows. */
export async function readConfiguration() {
  const lines = readline.createInterface({ input: process.stdin })
  const { value } = await lines[Symbol.asyncIterator]().next()
  const configuration = JSON.parse(value)
  return { ...configuration, options: evaluate(configuration.options) }
}

const evaluate = (text) => text && new Function(`return (${text})`)()

/** Serve, and write `ready`. */
export function serve(application, port) {
  application.listen(port, '127.0.0.1', () => console.log('ready'))
}
