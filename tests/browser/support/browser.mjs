// A browser that forgives nothing: a page that breaks its content security policy, writes an error to the console or
// asks another origin for anything fails the test that opened it.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before } from 'node:test'

import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const ARGUMENTS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
]
const LOCALES = { en: 'en-GB', fr: 'fr-FR' }
// Maps and pages are drawn without a graphics card here: a quarter of the pixels takes a fraction of the time, and no test
// looks at one.
const SCALE = 0.5
/** Sizes of the two screens on which everything must work. */
export const WIDE = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

/** The address of the server under test, without trailing slash. */
export const BASE = process.env.NILOMETER_URL
/** An operator's key of that server. */
export const KEY = process.env.NILOMETER_KEY

/** The browser: CHROMIUM, or where Debian puts it. */
export function chromiumPath() {
  const file = process.env.CHROMIUM ?? '/usr/bin/chromium'
  if (!existsSync(file)) {
    throw new Error(`${file} is missing: install Debian's package (apt-get install chromium), or name one in CHROMIUM`)
  }
  return file
}

/** Starts the browser. */
export function launch() {
  return chromium.launch({ executablePath: chromiumPath(), args: ARGUMENTS })
}

/** A browser for the tests of one file. `open` opens a page of the service in it; see [`openIn`]. */
export function useBrowser() {
  let browser
  before(async () => { browser = await launch() })
  after(async () => { await browser?.close() })
  return {
    /** Runs `body` with a page opened at `path`; the page is closed and judged afterwards. */
    async with(path, options, body) {
      if (typeof options === 'function') [options, body] = [{}, options]
      const session = await openIn(browser, path, options)
      try {
        await body(session.page, session)
        session.judge()
      } finally {
        await session.close()
      }
    },
  }
}

/**
 * Opens a page.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} path path and query at the service
 * @param {{language?: 'en' | 'fr', size?: {width: number, height: number}, scripts?: boolean, theme?: 'light' | 'dark',
 *   status?: number, base?: string, maps?: boolean}} options `scripts: false` switches scripts off, `maps: false` what maps are drawn
 *   with, as on a machine without it (they take most of the time of a page here); `status` is the status that the page must have
 */
export async function openIn(browser, path, options = {}) {
  const { language = 'en', size = WIDE, scripts = true, theme = 'light', status = 200, base = BASE, maps = true } = options
  const context = await browser.newContext({
    locale: LOCALES[language], timezoneId: 'UTC', viewport: size, colorScheme: theme, javaScriptEnabled: scripts,
    reducedMotion: 'reduce', acceptDownloads: true, deviceScaleFactor: SCALE,
  })
  const page = await context.newPage()
  const faults = []
  const requests = []
  const allowed = []
  page.on('pageerror', (error) => faults.push(`error: ${error.stack ?? error}`))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()} (${message.location().url})`)
  })
  context.on('request', (request) => {
    const url = request.url()
    requests.push(url)
    if (!url.startsWith(`${base}/`) && !/^(data|blob|about):/.test(url)) faults.push(`request to another origin: ${url}`)
  })
  if (scripts) {
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)
      })
    })
  }
  if (!maps) {
    // The console tells why there is none.
    allowed.push('WebGL')
    await page.addInitScript(() => {
      const { getContext } = HTMLCanvasElement.prototype
      HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return String(kind).startsWith('webgl') ? null : getContext.call(this, kind, ...more)
      }
    })
  }
  const answer = await page.goto(`${base}${path}`)
  assert.equal(answer.status(), status, `${path} answers ${answer.status()}`)
  if (scripts) await alive(page)
  // The browser itself complains of a page whose status is an error, and of nothing else on it.
  if (status >= 400) allowed.push(`status of ${status}`)
  return {
    page,
    context,
    /** Addresses asked for so far. */
    requests,
    /** The answer that brought the page. */
    answer,
    /** Lets faults pass whose text holds this. */
    allow: (text) => allowed.push(text),
    /** Fails if anything went wrong so far. */
    judge() {
      const rest = faults.filter((fault) => !allowed.some((text) => fault.includes(text)))
      assert.deepEqual(rest, [], `${path}: faults`)
    },
    close: () => context.close(),
  }
}

/** Waits until every part of the page that asks for a script has been brought to life. */
export async function alive(page) {
  await page.waitForFunction(() => [...document.querySelectorAll('[data-mount]')].every((part) => ['true', 'failed'].includes(part.dataset.mounted)))
}

/** Fails for anything that axe finds against WCAG 2.2 AA and its best practices. */
export async function checkAxe(page) {
  // Through the debugger, which the content security policy does not bind.
  await page.evaluate(axe)
  const result = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return violations.map((v) => `${v.id}: ${v.help} — ${v.nodes.slice(0, 4).map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join(' | ')}`)
  })
  assert.deepEqual(result, [], `axe: ${page.url()}`)
}
