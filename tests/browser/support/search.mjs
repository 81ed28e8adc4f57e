// What the suites ask of the page of a search.

import { BASE } from './browser.mjs'

/** How many items the page says it found. */
export async function count(page) {
  return Number((await page.locator('.count').textContent()).replaceAll(/\D/g, ''))
}

/** How many the interface says. */
export async function matched(query) {
  const answer = await fetch(`${BASE}/search?${query}&limit=1&f=json`)
  return (await answer.json()).numberMatched
}

/** Waits until no search is under way. */
export async function settled(page) {
  await page.locator('.explore[data-mounted="true"]:not([aria-busy="true"])').waitFor()
}

/** Waits until the map shows the question. */
export async function mapped(page) {
  await settled(page)
  await page.locator('.map.ready').waitFor()
}
