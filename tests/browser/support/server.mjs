// Finds the binary, prepares the demo data once for each build, starts a server on a free port, stops it by its process.

import { execFileSync, spawn } from 'node:child_process'
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
// Far above what is normal: only a hang fails.
const READY_WITHIN_MS = 120_000
const STOPPED_WITHIN_MS = 40_000

/** The binary under test: NILOMETER_BIN, or the one of a development build. */
export function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target')
  const file = path.resolve(process.env.NILOMETER_BIN ?? path.join(target, 'debug', 'nilometer'))
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`make build\` first, or \`make test-browser\``)
  return file
}

/** The environment without the tests' own variables, since the binary refuses unknown ones. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NILOMETER_')))
}

/** Runs one command of the binary; its standard output. */
export function run(...words) {
  return execFileSync(binary(), words, { env: environment(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** The demo data of this build, made once and kept beside the binary. */
function demo() {
  const built = statSync(binary(), { bigint: true }).mtimeNs
  const folder = path.join(path.dirname(binary()), 'nilometer-demo-browser')
  const master = path.join(folder, String(built))
  if (!existsSync(master)) {
    // Made under another name first, so that a broken run leaves no half demo behind.
    const half = path.join(folder, `${built}-${process.pid}`)
    run('demo', '--data', half)
    try {
      renameSync(half, master)
    } catch (error) {
      // Another run was faster with the same.
      if (!existsSync(master)) throw error
      rmSync(half, { recursive: true, force: true })
    }
    const old = readdirSync(folder).filter((name) => !name.startsWith(String(built)))
    for (const name of old) rmSync(path.join(folder, name), { recursive: true, force: true })
  }
  return master
}

/**
 * Starts a server on a copy of the demo data.
 *
 * @param {Record<string, string>} settings further settings, by the name of their flag
 * @param {string[]} known texts of lines of the log that tell of errors and that the test brings about
 * @returns {Promise<{url: string, key: string, data: string, stop: () => Promise<void>}>} address without trailing slash, an
 * operator's key, the data directory, and how to stop it: `stop` fails unless the process ends well and its log is clean.
 */
export async function start(settings = {}, known = []) {
  const folder = mkdtempSync(path.join(tmpdir(), 'nilometer-browser-'))
  const data = path.join(folder, 'data')
  cpSync(demo(), data, { recursive: true })
  const created = run('admin', 'key', 'create', '--data', data, '--user', 'browser', '--role', 'operator')
  const key = created.trim().split('\n').at(-1).trim()
  const log = path.join(folder, 'log')
  const out = openSync(log, 'w')
  const words = ['serve', '--data', data, '--listen', '127.0.0.1:0']
  for (const [name, value] of Object.entries(settings)) words.push('--set', `${name}=${value}`)
  const child = spawn(binary(), words, { env: environment(), stdio: ['ignore', out, out] })
  closeSync(out)
  const text = () => readFileSync(log, 'utf8')
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  let over = false
  ended.then(() => { over = true })

  const url = await ready(text, () => over)
  const stop = async () => {
    child.kill('SIGTERM')
    const timeout = new AbortController()
    const late = pause(STOPPED_WITHIN_MS, 'late', { signal: timeout.signal, ref: false }).catch(() => 'late')
    const how = await Promise.race([ended, late])
    timeout.abort()
    if (how === 'late') child.kill('SIGKILL')
    const bad = text().split('\n').filter((line) => line.includes(' ERROR ') || line.includes('panicked at'))
    const lines = bad.filter((line) => !known.some((own) => line.includes(own)))
    rmSync(folder, { recursive: true, force: true })
    if (how !== 0) throw new Error(`the server ended with ${how}`)
    if (lines.length > 0) throw new Error(`the log is not clean:\n${lines.join('\n')}`)
  }
  return { url, key, data, stop }
}

async function ready(text, isOver) {
  const end = Date.now() + READY_WITHIN_MS
  for (;;) {
    if (isOver()) throw new Error(`the server ended:\n${text()}`)
    if (Date.now() > end) throw new Error(`the server is not ready:\n${text()}`)
    const url = text().match(/http:\/\/127\.0\.0\.1:[1-9]\d*/)?.[0]
    if (url) {
      const answer = await fetch(`${url}/readyz`).catch(() => undefined)
      if (answer?.ok) return url
    }
    await pause(20)
  }
}
