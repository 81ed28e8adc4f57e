// Takes the ten main states of the portal on a wide screen and a phone, in both themes, into docs/screenshots:
// `make screenshots`, or `node screenshots.mjs NAME…` for some. A state is taken when its map and chart are drawn.

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { PHONE, WIDE, launch } from './support/browser.mjs'
import { start } from './support/server.mjs'

const FOLDER = fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
const QUALITY = 0.78
const BYTES_MAX = 3_000_000
const SETTLED_WITHIN_MS = 60_000

/** Name, address, what is scrolled to on each screen, and the button that a phone's visitor presses. */
const STATES = [
  ['landing', '/'],
  ['search-counts', '/search?collections=hydat-stations,camels-us-stations,naiades-stations,laketemps-lakes,lakes,rivers'],
  ['search-shapes', '/search?collections=lakes,rivers,laketemps-lakes&intersectsRefs=countries.CHE', undefined, 'Map'],
  ['search-filters', '/search?collections=hydat-stations,camels-us-stations&q=lake', undefined, 'Filters'],
  ['search-empty', '/search?q=xyzzy&datetime=2020-01-01T00:00:00Z/..'],
  ['error', '/collections/lakes/items/no-such-lake'],
  ['feature-chart', '/collections/camels-fr-stations/items/B222001001?parameter-name=discharge,precipitation&resample=P1M', { wide: '#series', phone: '#chart' }],
  ['item', '/collections/lakes/items/lake-victoria'],
  ['collection', '/collections/SWOT_L2_HR_RiverSP_reach_D'],
  ['passes', '/swot/passes?place=lakes.lake-tana'],
]

const wanted = process.argv.slice(2)
mkdirSync(FOLDER, { recursive: true })
const server = await start()
const browser = await launch()
try {
  const converter = await browser.newPage()
  for (const [name, address, focus, button] of STATES.filter(([name]) => wanted.length === 0 || wanted.includes(name))) {
    for (const [size, viewport] of [['wide', WIDE], ['phone', PHONE]]) {
      for (const theme of ['light', 'dark']) {
        const context = await browser.newContext({
          locale: 'en-GB', timezoneId: 'UTC', viewport, colorScheme: theme, reducedMotion: 'reduce',
        })
        const page = await context.newPage()
        await page.goto(`${server.url}${address}`)
        if (focus) await page.evaluate((selector) => document.querySelector(selector).scrollIntoView(), focus[size])
        await settled(page, size)
        if (button && size === 'phone') {
          await page.getByRole('button', { name: button, exact: true }).click()
          await settled(page, size)
        }
        const file = path.join(FOLDER, `${name}-${size}-${theme}.webp`)
        writeFileSync(file, await asWebp(converter, await page.screenshot()))
        console.log(`${path.basename(file)} ${statSync(file).size} bytes`)
        await context.close()
      }
    }
  }
} finally {
  await browser.close()
  await server.stop()
}
const bytes = readdirSync(FOLDER).reduce((sum, name) => sum + statSync(path.join(FOLDER, name)).size, 0)
console.log(`${bytes} bytes in all`)
if (bytes > BYTES_MAX) throw new Error(`the pictures have ${bytes} bytes, more than ${BYTES_MAX}`)

/** Waits until nothing is under way: no request, no module, no map, no chart. */
async function settled(page, size) {
  await page.waitForFunction(
    () => [...document.querySelectorAll('[data-mount]')].every((part) => ['true', 'failed'].includes(part.dataset.mounted)),
    undefined,
    { timeout: SETTLED_WITHIN_MS },
  )
  await page.waitForLoadState('networkidle', { timeout: SETTLED_WITHIN_MS })
  // Maps are drawn when they come into view; on a phone that of a search when it is asked for.
  const maps = size === 'wide' ? '.place:not(.ready), .map:not(.ready)' : '.place:not(.ready)'
  const isDrawn = (maps) => {
    const isSeen = (element) => {
      const { top, bottom } = element.getBoundingClientRect()
      return top < innerHeight && bottom > 0
    }
    const isBusy = document.querySelector('figure.chart:not([data-drawn]), [aria-busy="true"]') !== null
    return !isBusy && ![...document.querySelectorAll(maps)].some(isSeen)
  }
  await page.waitForFunction(isDrawn, maps, { timeout: SETTLED_WITHIN_MS })
  await page.waitForLoadState('networkidle', { timeout: SETTLED_WITHIN_MS })
  // Tiles are drawn a moment after they came.
  await page.waitForTimeout(1_500)
}

/** A PNG as WebP, by the browser's own encoder. */
async function asWebp(page, png) {
  const base64 = await page.evaluate(
    async ([source, quality]) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob())
      const canvas = new OffscreenCanvas(picture.width, picture.height)
      canvas.getContext('2d').drawImage(picture, 0, 0)
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality })
      const bytes = new Uint8Array(await blob.arrayBuffer())
      let text = ''
      for (const byte of bytes) text += String.fromCharCode(byte)
      return btoa(text)
    },
    [png.toString('base64'), QUALITY],
  )
  return Buffer.from(base64, 'base64')
}
