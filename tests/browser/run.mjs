// Starts one server, runs the suites against it with node's test runner, stops the server.
//
//   node run.mjs                    all suites
//   node run.mjs chart passes       those whose file name begins so
//   node run.mjs -- --test-name-pattern=zoom    arguments of the test runner

import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { chromiumPath } from './support/browser.mjs'
import { start } from './support/server.mjs'

const folder = fileURLToPath(new URL('suites', import.meta.url))
const words = process.argv.slice(2)
const cut = words.indexOf('--')
const wanted = cut < 0 ? words : words.slice(0, cut)
const options = cut < 0 ? [] : words.slice(cut + 1)
const suites = readdirSync(folder)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => wanted.length === 0 || wanted.some((begin) => name.startsWith(begin)))
  .map((name) => path.join(folder, name))
if (suites.length === 0) throw new Error(`no suite begins with ${wanted.join(' or ')}`)

chromiumPath()
const server = await start()
let code = 1
try {
  const env = { ...process.env, NILOMETER_URL: server.url, NILOMETER_KEY: server.key, TZ: 'UTC' }
  // Two browsers at a time: one waits often, more make slow pages of it on the few cores of the machines that run this.
  const runner = spawn(process.execPath, ['--test', '--test-concurrency=2', '--test-reporter=spec', ...options, ...suites], { env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => runner.kill(signal))
  code = await new Promise((resolve) => runner.once('exit', (status) => resolve(status ?? 1)))
} finally {
  await server.stop()
}
process.exitCode = code
