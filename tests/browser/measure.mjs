// Measures how much the pages weigh and how soon the first result can be read, and writes docs/results/portal.md:
// `make portal-speed`, best with NILOMETER_BIN naming a release build.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { PHONE, WIDE, launch, openIn } from './support/browser.mjs'
import { assets, bytesOf } from './support/assets.mjs'
import { binary, start } from './support/server.mjs'
import { firstResults, median } from './support/speed.mjs'

const FILE = fileURLToPath(new URL('../../docs/results/portal.md', import.meta.url))
const TIMES = 7

const server = await start()
const browser = await launch()
try {
  const lines = [
    '# The portal: bytes and time to the first result',
    '',
    `${machine()}; commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') ? ' with changes' : ''}; ${new Date().toISOString().slice(0, 10)}. Headless Chromium ${browser.version()} on the demo data, over loopback, a ${path.basename(path.dirname(binary()))} build. Machines are noisy, and browser and server share this one.`,
    '',
    '## Bytes, as sent (brotli)',
    '',
    '| what | files | bytes |',
    '| --- | --: | --: |',
  ]
  const simple = await assetsOf('/conformance?f=html')
  const scripts = simple.filter(([url]) => url.endsWith('.js'))
  const all = new Map(simple)
  const search = await assetsOf('/search?q=lake')
  for (const one of [...search, ...await assetsOf('/'), ...await assetsOf('/collections/camels-fr-stations/items/H010002001'), ...await assetsOf('/swot/passes')]) all.set(...one)
  for (const [name, list] of [
    ['scripts of every page', scripts], ['scripts, styles and pictures of every page', simple],
    ['a search with its map', search], ['all assets of the portal', [...all]],
  ]) lines.push(`| ${name} | ${list.length} | ${bytesOf(list).toLocaleString('en-GB')} |`)
  lines.push(
    '', '## From the begin of the navigation to the first result painted', '',
    `Nothing cached: a fresh browser context for each of ${TIMES} loads. Milliseconds.`, '',
    '| page | screen | median | slowest |', '| --- | --- | --: | --: |',
  )
  for (const [name, address] of [['a search for nothing in particular', '/search'], ['words', '/search?q=lake'], ['a place and collections', '/search?collections=lakes,rivers&intersectsRefs=countries.CHE']]) {
    for (const [screen, size] of [['1440 × 900', WIDE], ['390 × 844', PHONE]]) {
      const times = await firstResults(browser, `${server.url}${address}`, { times: TIMES, size })
      lines.push(`| ${name} | ${screen} | ${median(times)} | ${Math.round(times.at(-1))} |`)
    }
  }
  writeFileSync(FILE, `${lines.join('\n')}\n`)
  console.log(lines.join('\n'))
} finally {
  await browser.close()
  await server.stop()
}

/** The assets that a page loads, all of it scrolled into view, with their bytes. */
async function assetsOf(address) {
  const session = await openIn(browser, address, { base: server.url })
  try {
    await session.page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    await session.page.waitForLoadState('networkidle')
    await session.page.waitForTimeout(1_000)
    await session.page.waitForLoadState('networkidle')
    return await assets(session.requests)
  } finally {
    await session.close()
  }
}

function git(...words) {
  return execFileSync('git', words, { encoding: 'utf8' }).trim()
}

function machine() {
  const gib = Math.round(os.totalmem() / 2 ** 30)
  return `${os.cpus().length} cores (${os.cpus()[0].model.trim()}), ${gib} GiB, ${os.type()} ${os.release()}`
}
