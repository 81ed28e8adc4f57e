// Ten tasks of a hydrologist, each from the first page to the answer. docs/tasks.md says what each costs in clicks and
// typed fields; a task that has become longer or shorter fails until the table says so (NILOMETER_BLESS=1 writes it).

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'

import { BASE, useBrowser } from '../support/browser.mjs'
import { chartPoints, csv, settled, tableRows } from '../support/page.mjs'
import { Person } from '../support/person.mjs'

const browser = useBrowser()
const TABLE = new URL('../../../docs/tasks.md', import.meta.url)
const done = []

/** A task that begins at the first page. */
function task(name, body) {
  test(name, async () => {
    await browser.with('/', { maps: false }, async (page, session) => {
      await session.context.grantPermissions(['clipboard-read', 'clipboard-write'])
      const person = new Person(page)
      await body(page, person)
      done.push({ name, clicks: person.clicks, fields: person.fields })
      const said = readFileSync(TABLE, 'utf8')
      if (!process.env.NILOMETER_BLESS) {
        assert.ok(said.includes(row(done.at(-1))), `docs/tasks.md does not say: ${row(done.at(-1))}`)
      }
    })
  })
}

const row = ({ name, clicks, fields }) => `| ${name} | ${clicks} | ${fields} |`

after(() => {
  if (!process.env.NILOMETER_BLESS || done.length !== 10) return
  const text = readFileSync(TABLE, 'utf8')
  const head = text.slice(0, text.indexOf('| task |'))
  const sum = (of) => done.reduce((all, one) => all + one[of], 0)
  const lines = ['| task | clicks | typed fields |', '| --- | --: | --: |', ...done.map(row), `| all ten | ${sum('clicks')} | ${sum('fields')} |`]
  writeFileSync(TABLE, `${head}${lines.join('\n')}\n`)
})

task('Find the latest discharge of a gauge on the Seine and take the series as CSV', async (page, person) => {
  await person.search('seine')
  await person.click(page.getByRole('complementary', { name: 'Filters' }).getByRole('link', { name: /CAMELS-FR/ }))
  await person.open(/La Seine à Plaines-Saint-Lange/)
  const latest = page.getByRole('region', { name: 'Latest values' })
  const value = await latest.locator('data').first().getAttribute('value')
  const text = await person.take(page.locator('#series').getByRole('link', { name: 'CSV' }))
  assert.equal(text.trimEnd().split('\n').at(-1).split(',').at(-1), value)
})

task('Is Lake Victoria there, and what lies in it?', async (page, person) => {
  await person.search('lake victoria')
  await person.open('Lake Victoria')
  await person.click(page.getByRole('link', { name: 'What is here?' }))
  await page.waitForURL(/intersectsRefs=lakes\.lake-victoria/)
  const { numberMatched } = await (await fetch(`${BASE}/search?intersectsRefs=lakes.lake-victoria&limit=1`)).json()
  assert.ok(numberMatched > 0)
  await page.locator('.count').filter({ hasText: numberMatched.toLocaleString('en-GB') }).waitFor()
})

task('When does SWOT next see Lake Tana?', async (page, person) => {
  await person.search('lake tana')
  await person.open('Lake Tana')
  await person.click(page.getByRole('link', { name: 'When does SWOT see it?' }))
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Next pass' }) })
  const time = await card.locator('time').getAttribute('datetime')
  const { next } = await (await fetch(`${BASE}/swot/passes?place=lakes.lake-tana&f=json`)).json()
  assert.equal(time, next.datetime)
})

task('When does SWOT see the gauge house at 6.13° E, 49.61° N?', async (page, person) => {
  await person.click(page.getByRole('link', { name: 'When does SWOT pass?' }))
  await person.type(page.getByRole('combobox', { name: 'Place' }), '6.13,49.61', { enter: true })
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Next pass' }) })
  const { next } = await (await fetch(`${BASE}/swot/passes?point=6.13,49.61&f=json`)).json()
  assert.equal(await card.locator('time').getAttribute('datetime'), next.datetime)
})

task('Which nitrate values has the reservoir of Panthier had since 2015?', async (page, person) => {
  await person.search('panthier')
  await person.open(/PANTHIER/)
  await person.type(page.getByLabel('From (UTC)'), '2015-01-01', { enter: true })
  await page.waitForURL(/from=2015-01-01/)
  await settled(page)
  const rows = await tableRows(page)
  const answer = await csv(`${BASE}/collections/naiades-stations/locations/U1305043?f=CSV&parameter-name=nitrate&datetime=2015-01-01/..`)
  assert.deepEqual(rows.map((one) => one.time), answer.map((one) => one.phenomenon_time).reverse())
  assert.ok(rows.length > 3 && rows.every((one) => one.time >= '2015'))
})

task('Compare monthly discharge and precipitation of the Meuse at Saint-Mihiel', async (page, person) => {
  await person.search('meuse')
  await person.open(/La Meuse à Saint-Mihiel/)
  await person.choose(page.getByRole('checkbox', { name: /^Precipitation/ }))
  await page.waitForURL(/precipitation/)
  await settled(page)
  await person.choose(page.getByRole('combobox', { name: 'Time step', exact: true }), 'month')
  await page.waitForURL(/resample=P1M/)
  await settled(page)
  assert.equal(await chartPoints(page), 480)
  assert.deepEqual(await page.locator('.legend .scale').allTextContents(), ['L/s', 'mm/d'])
})

task('How good is the SWOT elevation of node 44404000150591 on its last pass?', async (page, person) => {
  await person.search('44404000150591')
  await person.open('SWOT node 44404000150591')
  await person.choose(page.getByRole('checkbox', { name: /^Smoothed water surface elevation/ }))
  await page.waitForURL(/wse_sm/)
  await settled(page)
  const [last] = await tableRows(page)
  assert.equal(last.values.wse_sm_q, '0')
  assert.ok(Number(last.values.wse_sm_u) > 0)
  await page.getByRole('cell', { name: 'good' }).first().waitFor()
})

task('Do two versions of SWOT lake 7230381002 differ in elevation?', async (page, person) => {
  await person.search('7230381002')
  await person.open('SWOT lake 7230381002')
  await person.choose(page.getByRole('combobox', { name: 'Versions' }), 'all')
  await page.waitForURL(/version=all/)
  await settled(page)
  const rows = await tableRows(page)
  const byTime = Map.groupBy ? Map.groupBy(rows, (one) => one.time) : rows.reduce((map, one) => map.set(one.time, [...(map.get(one.time) ?? []), one]), new Map())
  for (const [time, pair] of byTime) assert.equal(new Set(pair.map((one) => one.values.wse)).size, 1, `${time}: the same`)
  assert.equal(byTime.size, 4)
})

task('How do I cite the French stream gauges, and may I use them?', async (page, person) => {
  await person.click(page.getByRole('link', { name: /^All collections/ }))
  await person.type(page.getByRole('searchbox'), 'french stream gauges', { enter: true })
  await page.waitForURL(/q=french/)
  await person.open('Stream gauges of CAMELS-FR (sample)')
  await page.getByRole('link', { name: 'Creative Commons Attribution 4.0 International' }).waitFor()
  await person.click(page.getByRole('button', { name: 'Copy the citation' }))
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /INRAE.*10\.57745\/WH7FJR/)
})

task('Get the Python code for the last year of discharge of the Aisne at Givry', async (page, person) => {
  await person.search('aisne')
  await person.open(/L'Aisne à Givry/)
  await person.click(page.getByRole('link', { name: 'Last year' }))
  await settled(page)
  await person.click(page.getByText('Code for this view: Python, R, curl'))
  await person.click(page.getByRole('button', { name: 'Copy the code for Python' }))
  const code = await page.evaluate(() => navigator.clipboard.readText())
  const [url] = code.match(/http[^"]+/)
  assert.equal((await csv(url)).length, 365)
})
