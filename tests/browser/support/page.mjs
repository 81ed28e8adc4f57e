// What the suites ask of a page, in the words of its users.

import assert from 'node:assert/strict'

/** Presses a button that sends a form; the page that answers is there afterwards. */
export async function send(button) {
  const page = button.page()
  const answered = page.waitForResponse((response) => response.request().method() === 'POST')
  // A page that loads itself anew may do so in between: only what comes after the answer counts.
  const loaded = answered.then(() => page.waitForEvent('load'))
  await Promise.all([loaded, button.click()])
}

/** Waits until the chart is drawn; how many points it has. */
export async function chartPoints(page) {
  const chart = page.locator('figure.chart[data-drawn="true"]')
  await chart.waitFor()
  return Number(await chart.getAttribute('data-points'))
}

/** Rows of the table of values over all its pages: by time, the machine form of each cell by its column's name. */
export async function tableRows(page) {
  const rows = []
  for (;;) {
    const table = page.getByRole('table', { name: /newest first|plus récentes d'abord/i })
    rows.push(...await table.evaluate((element) => {
      const columns = [...element.tHead.rows[0].cells].map((cell) => cell.dataset.column ?? '')
      return [...element.tBodies[0].rows].map((row) => {
        const cells = [...row.cells].map((cell, at) => [columns[at], cell.querySelector('data')?.value ?? ''])
        return { time: row.querySelector('time').dateTime, values: Object.fromEntries(cells.filter(([name]) => name)) }
      })
    }))
    const older = page.getByRole('link', { name: /Older rows|Lignes plus anciennes/ })
    if (await older.count() === 0) return rows
    const caption = await table.locator('caption').textContent()
    await older.click()
    await page.waitForFunction((text) => document.querySelector('table.series caption')?.textContent !== text, caption)
  }
}

/** Waits until a view that was asked for is shown. */
export async function settled(page) {
  await page.locator('#series:not([aria-busy])').waitFor()
}

/** The rows of a CSV answer of the interface, by column. */
export async function csv(url) {
  const answer = await fetch(url)
  assert.equal(answer.status, 200, `${url} answers ${answer.status}`)
  const [header, ...lines] = (await answer.text()).trimEnd().split('\n').map((line) => line.split(','))
  return lines.map((fields) => Object.fromEntries(header.map((name, at) => [name, fields[at]])))
}
