// A browser that forgives nothing: a page that breaks its content security policy, writes an error to the console or
// asks another origin for anything fails the test that opened it.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after } from 'node:test'

import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const ARGUMENTS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
]
// Maps need a graphics card, or its slow imitation; other pages are drawn faster without either.
const DRAWS_MAPS = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']
const DRAWS_NONE = ['--disable-gpu', '--disable-software-rasterizer']
const LOCALES = { en: 'en-GB', fr: 'fr-FR' }
// Maps and pages are drawn without a graphics card here: a quarter of the pixels takes a fraction of the time, and no test
// looks at one.
const SCALE = 0.5
/** How long a page may take to show what is waited for: a limit for what never comes, no measure of speed. */
const PATIENCE_MS = 90_000
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

/** Starts the browser, with what maps are drawn with or, as on a machine without it, not. */
export function launch(maps = true) {
  return chromium.launch({ executablePath: chromiumPath(), args: [...ARGUMENTS, ...(maps ? DRAWS_MAPS : DRAWS_NONE)] })
}

/** Browsers for the tests of one file. `with` opens a page of the service; see [`openIn`]. Starting a page costs more than what most
 *  tests do on it, so one page serves all tests that open it alike, one after the other; nothing of one is left for the next. */
export function useBrowser() {
  const browsers = new Map()
  const pages = new Map()
  after(() => Promise.all([...browsers.values()].map(async (browser) => (await browser).close())))
  const browserFor = (maps) => {
    if (!browsers.has(maps)) browsers.set(maps, launch(maps))
    return browsers.get(maps)
  }
  return {
    /** Runs `body` with a page opened at `path`, judged afterwards. `maps: false` among the options: as on a machine that draws none,
     *  which takes a fraction of the time. */
    async with(path, options, body) {
      if (typeof options === 'function') [options, body] = [{}, options]
      const { maps = true, ...rest } = options
      const drawsMaps = maps && rest.scripts !== false
      const alike = JSON.stringify([drawsMaps, contextOptions(rest)])
      const kept = pages.get(alike)
      pages.delete(alike)
      const session = await openIn(await browserFor(drawsMaps), path, rest, kept)
      // The console tells why there is no map.
      if (!drawsMaps) session.allow('WebGL')
      let isWhole = false
      try {
        await body(session.page, session)
        session.judge()
        isWhole = true
      } finally {
        if (isWhole && !pages.has(alike)) pages.set(alike, await session.leave())
        else await session.close()
      }
    },
  }
}

function contextOptions({ language = 'en', size = WIDE, scripts = true, theme = 'light' }) {
  return {
    locale: LOCALES[language], timezoneId: 'UTC', viewport: size, colorScheme: theme, javaScriptEnabled: scripts,
    reducedMotion: 'reduce', acceptDownloads: true, deviceScaleFactor: SCALE,
  }
}

/**
 * Opens a page.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} path path and query at the service
 * @param {{language?: 'en' | 'fr', size?: {width: number, height: number}, scripts?: boolean, theme?: 'light' | 'dark',
 *   status?: number, base?: string}} options `scripts: false` switches scripts off; `status` is the status that the page must have
 * @param {import('playwright-core').Page} kept a page that was opened alike and left; without it the page is a new one, with
 *   nothing in its cache
 */
export async function openIn(browser, path, options = {}, kept = undefined) {
  const { scripts = true, status = 200, base = BASE } = options
  const page = kept ?? await newPage(browser, options)
  const context = page.context()
  const faults = []
  const requests = []
  const allowed = []
  page.on('pageerror', (error) => faults.push(`error: ${error.stack ?? error}`))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()} (${message.location().url})`)
  })
  page.on('request', (request) => {
    const url = request.url()
    requests.push(url)
    if (!url.startsWith(`${base}/`) && !/^(data|blob|about):/.test(url)) faults.push(`request to another origin: ${url}`)
  })
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
    /** Leaves the page for another test: what it stored or was allowed is gone, and nothing goes on in it. */
    async leave() {
      page.removeAllListeners()
      await context.setOffline(false)
      await context.clearPermissions()
      await page.mouse.move(0, 0)
      await page.goto(`${BASE}/livez`)
      await page.evaluate(() => globalThis.localStorage.clear())
      return page
    },
    close: () => context.close(),
  }
}

async function newPage(browser, options) {
  const context = await browser.newContext(contextOptions(options))
  // Suites of three kinds share the cores of the machines that run this.
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  if (options.scripts !== false) {
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)
      })
    })
  }
  return page
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
