// How soon a page can be read: from the begin of the navigation to the first result painted, with nothing cached.

import { WIDE } from './browser.mjs'

/** Milliseconds until the first result of a page is painted, in each of some fresh browser contexts, sorted. */
export async function firstResults(browser, url, { times = 5, size = WIDE } = {}) {
  const all = []
  for (let i = 0; i < times; i += 1) {
    const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', viewport: size, reducedMotion: 'reduce' })
    try {
      const page = await context.newPage()
      await page.addInitScript(() => {
        const look = () => {
          const first = document.querySelector('.results .items > li .name')
          // A box has a size once the style sheet is there, without which nothing is painted.
          if (!first || first.getBoundingClientRect().height === 0) return void requestAnimationFrame(look)
          // The frame after the next one begins when this one has been painted.
          requestAnimationFrame(() => requestAnimationFrame(() => { globalThis.firstResult = performance.now() }))
        }
        requestAnimationFrame(look)
      })
      await page.goto(url)
      await page.waitForFunction(() => globalThis.firstResult !== undefined)
      all.push(await page.evaluate(() => globalThis.firstResult))
    } finally {
      await context.close()
    }
  }
  return all.sort((a, b) => a - b)
}

/** The middle of sorted numbers, rounded. */
export const median = (sorted) => Math.round(sorted[Math.floor(sorted.length / 2)])
