// The search's map and list in step, areas that are drawn, phones, the keyboard, and the weight of it all.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { assets, bytesOf } from '../support/assets.mjs'
import { BASE, PHONE, checkAxe, useBrowser } from '../support/browser.mjs'
import { count, mapped, matched, settled } from '../support/search.mjs'
import { featuresOf } from '../support/tiles.mjs'

const browser = useBrowser()

test('list and map are in step: a result moves the map, and the address keeps view and choice', async () => {
  let shared
  await browser.with('/search?q=garonne', async (page) => {
    await mapped(page)
    await page.getByRole('button', { name: 'Show Garonne on the map' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/#map=.*item=rivers/)
    const row = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'Garonne', exact: true }) })
    assert.equal(await row.getAttribute('aria-current'), 'true')
    await page.locator('.popup').getByRole('link', { name: 'Garonne' }).waitFor()
    shared = page.url().slice(BASE.length)
  })
  await browser.with(shared, async (page) => {
    await mapped(page)
    await page.locator('.popup').getByRole('link', { name: 'Garonne' }).waitFor()
    const [, zoom, latitude, longitude] = /#map=([\d.]+)\/([-\d.]+)\/([-\d.]+)/.exec(page.url())
    assert.ok(Number(zoom) > 4 && Math.abs(latitude - 44) < 2 && Math.abs(longitude) < 3, page.url())
  })
})

test('a box is drawn by mouse, and by keyboard alone', async () => {
  await browser.with('/search?collections=hydat-stations#map=4/60/-100', async (page) => {
    await mapped(page)
    const all = await count(page)
    await page.getByRole('button', { name: 'Draw a box' }).click()
    const map = await page.locator('.map').boundingBox()
    await page.mouse.move(map.x + map.width * 0.4, map.y + map.height * 0.4)
    await page.mouse.down()
    await page.mouse.move(map.x + map.width * 0.6, map.y + map.height * 0.6, { steps: 5 })
    await page.mouse.up()
    await page.waitForURL(/bbox=/)
    await settled(page)
    const bbox = new URL(page.url()).searchParams.get('bbox')
    assert.equal(await count(page), await matched(`collections=hydat-stations&bbox=${bbox}`))
    assert.ok(await count(page) < all)

    await page.getByRole('button', { name: 'Draw a box' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Keyboard: arrows move the map').waitFor()
    await page.keyboard.press('Enter')
    for (const key of ['ArrowRight', 'ArrowDown']) await page.keyboard.press(key)
    await page.waitForTimeout(100)
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => (url.searchParams.get('bbox') ?? bbox) !== bbox)
  })
})

test('an area too long for an address is kept, and the address still shows the same', async () => {
  let shared
  let found
  await browser.with('/search?collections=hydat-stations#map=4/60/-100', async (page) => {
    await mapped(page)
    await page.getByRole('button', { name: 'Draw an area' }).click()
    const map = await page.locator('.map').boundingBox()
    for (let i = 0; i < 80; i += 1) {
      const angle = (i / 80) * 2 * Math.PI
      await page.mouse.click(map.x + map.width * (0.5 + 0.3 * Math.cos(angle)), map.y + map.height * (0.5 + 0.3 * Math.sin(angle)))
    }
    await page.getByRole('button', { name: 'Done' }).click()
    await page.waitForURL(/search=/)
    await settled(page)
    found = await count(page)
    assert.ok(found > 0 && found < await matched('collections=hydat-stations'))
    shared = page.url().slice(BASE.length)
  })
  await browser.with(shared, { maps: false }, async (page) => {
    await settled(page)
    assert.equal(await count(page), found)
    await page.getByRole('link', { name: /^Remove: in the drawn area/ }).waitFor()
  })
  await browser.with(shared.split('#')[0], { scripts: false }, async (page) => {
    assert.equal(await count(page), found)
  })
})

test('a page that is loaded again, unchanged, works as before', async () => {
  await browser.with('/search?q=garonne', async (page) => {
    await page.reload()
    await mapped(page)
    await page.getByRole('button', { name: 'Show Garonne on the map' }).click()
    await page.locator('.popup').getByRole('link', { name: 'Garonne' }).waitFor()
  })
})

test('the data of exactly this search are taken as GeoJSON', async () => {
  await browser.with('/search?q=garonne&collections=rivers', { maps: false }, async (page) => {
    await settled(page)
    await page.getByText('Download', { exact: true }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'GeoJSON' }).click()
    const items = JSON.parse(await readFile(await (await download).path(), 'utf8'))
    assert.equal(items.features.length, await count(page))
  })
})

test('without scripts one searches by words, place and date, narrows down and pages on', async () => {
  await browser.with('/search', { scripts: false }, async (page) => {
    await page.getByLabel('What').fill('lake')
    await page.getByLabel('Where').fill('canada')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.waitForURL(/intersectsRefs=countries\.CAN/)
    assert.equal(await count(page), await matched('q=lake&intersectsRefs=countries.CAN'))
    await page.getByRole('link', { name: /HYDAT/ }).first().click()
    await page.waitForURL(/hydat-stations/)
    await page.getByRole('link', { name: 'Next page' }).click()
    await page.waitForURL(/token=/)
    assert.ok(await page.getByRole('region', { name: 'Results' }).getByRole('listitem').count() > 0)
  })
})

test('on a phone list, map and filters take turns', async () => {
  await browser.with('/search?q=lake', { size: PHONE }, async (page) => {
    await settled(page)
    const ground = (name) => page.getByRole('button', { name, exact: true }).evaluate((button) => getComputedStyle(button).backgroundColor)
    const [shown, other] = [await ground('List'), await ground('Filters')]
    assert.notEqual(shown, other)
    await page.getByRole('button', { name: 'Filters', exact: true }).click()
    await page.getByRole('complementary', { name: 'Filters' }).waitFor()
    await page.getByRole('button', { name: 'Map', exact: true }).hover()
    assert.deepEqual([await ground('Filters'), await ground('List')], [shown, other])
    await checkAxe(page)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Map', exact: true }).click()
    await page.locator('.map.ready').waitFor()
    await page.getByRole('button', { name: 'List', exact: true }).click()
    await page.getByRole('region', { name: 'Results' }).waitFor()
  })
})

test('each item that the map draws has an entry in the list, through whose pages one goes', async () => {
  for (const [query, least] of [['collections=camels-fr-stations', 14], ['collections=lakes,laketemps-lakes&intersectsRefs=countries.CAN&limit=100', 60]]) {
    await browser.with('/pages/legal', async (page) => {
      const drawn = new Set()
      const reading = []
      page.on('response', (response) => {
        if (!/\/tiles\/WebMercatorQuad\/\d/.test(response.url()) || response.status() !== 200) return
        reading.push(response.body().then((bytes) => {
          for (const { collection, id } of featuresOf(bytes, 'items')) drawn.add(`${collection}/${id}`)
        }))
      })
      await page.goto(`${BASE}/search?${query}`)
      await mapped(page)
      await page.waitForLoadState('networkidle')
      await Promise.all(reading)
      assert.ok(drawn.size >= least, `${drawn.size} items are drawn`)
      const all = await count(page)
      const note = page.locator('.map-note')
      const listed = new Set()
      for (;;) {
        const rows = await page.locator('.results li[data-id]').evaluateAll((rows) => rows.map((row) => `${row.dataset.collection}/${row.dataset.id}`))
        rows.forEach((row) => listed.add(row))
        // Where the map shows more than the list, it says so.
        assert.equal(await note.textContent() !== '', all > rows.length)
        if (all > rows.length) await note.getByText(`${all.toLocaleString('en-GB')} items are on the map`).waitFor()
        const next = page.getByRole('link', { name: 'Next page' })
        if (await next.count() === 0) break
        const before = page.url()
        await next.click()
        await page.waitForURL((url) => url.href.split('#')[0] !== before.split('#')[0])
        await settled(page)
      }
      assert.equal(listed.size, all)
      assert.deepEqual([...drawn].filter((item) => !listed.has(item)), [], 'drawn, but in no list')
    })
  }
})

test('planned passes are drawn apart, below what is there, however one asks', async () => {
  const kept = await fetch(`${BASE}/searches`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ intersectsRefs: ['lakes.lake-tana'] }),
  })
  const json = JSON.stringify({ op: '<>', args: [{ property: 'collection' }, 'countries'] })
  const questions = [
    'intersectsRefs=lakes.lake-tana',
    `search=${(await kept.json()).id}`,
    `${new URLSearchParams({ intersectsRefs: 'lakes.lake-tana', filter: json, 'filter-lang': 'cql2-json' })}`,
  ]
  await browser.with(`/search?${questions[0]}`, async (page, session) => {
    for (const [at, question] of questions.entries()) {
      if (at > 0) await page.goto(`${BASE}/search?${question}`)
      await mapped(page)
      await page.waitForLoadState('networkidle')
      const asked = session.requests.splice(0).filter((url) => url.includes('/tiles/WebMercatorQuad/tilejson.json?')).map((url) => new URL(url).searchParams)
      assert.ok(asked.some((query) => query.get('collections') === 'swot-passes-planned'), question)
      assert.ok(asked.some((query) => /collection.*<>.*swot-passes-planned|<>.*collection.*swot-passes-planned/.test(query.get('filter'))), question)
      assert.ok(asked.every((query) => query.get('intersectsRefs') === 'lakes.lake-tana'), question)
    }
  })
})

test('the list can be walked by keyboard, and the whole page is reached from the skip link', async () => {
  await browser.with('/search?q=lake', { maps: false }, async (page) => {
    await settled(page)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content')
    const names = page.getByRole('region', { name: 'Results' }).locator('a.name')
    await names.first().focus()
    await page.keyboard.press('ArrowDown')
    assert.equal(await page.evaluate(() => document.activeElement.textContent), await names.nth(1).textContent())
  })
})

test('the theme is switched, kept and there at once on the next page', async () => {
  await browser.with('/', async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await ground()
    await page.getByRole('button', { name: 'Dark theme' }).click()
    const dark = await ground()
    assert.notEqual(dark, light)
    await page.goto(`${BASE}/collections`)
    assert.equal(await ground(), dark)
    assert.equal(await page.getByRole('button', { name: 'Dark theme' }).getAttribute('aria-pressed'), 'true')
  })
})

test('what every page loads is under 15 kB of scripts, and everything together under 450 kB, as sent', async () => {
  await browser.with('/conformance?f=html', async (page, session) => {
    await page.waitForLoadState('networkidle')
    const first = bytesOf((await assets(session.requests)).filter(([url]) => url.endsWith('.js')))
    console.log(`scripts of every page: ${first} bytes`)
    assert.ok(first < 15_000, `${first}`)
  })
  await browser.with('/search?q=lake', async (page, session) => {
    await mapped(page)
    await page.goto(`${BASE}/`)
    await page.locator('.backdrop.ready').waitFor()
    for (const collection of ['camels-fr-stations', 'lakes']) {
      const { features: [item] } = await (await fetch(`${BASE}/collections/${collection}/items?f=json&limit=1`)).json()
      await page.goto(`${BASE}/collections/${collection}/items/${item.id}`)
      await page.waitForLoadState('networkidle')
    }
    const all = await assets(session.requests)
    console.log(`everything: ${bytesOf(all)} bytes in ${all.length} files`)
    assert.ok(bytesOf(all) < 450_000, `${bytesOf(all)}`)
  })
})
