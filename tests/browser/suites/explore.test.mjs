// The search: what, where, when; facets; list and map in step; the address as the only state.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { assets, bytesOf } from '../support/assets.mjs'
import { BASE, PHONE, checkAxe, launch, useBrowser } from '../support/browser.mjs'
import { firstResults, median } from '../support/speed.mjs'
import { featuresOf } from '../support/tiles.mjs'

const browser = useBrowser()

const TEXTS = {
  en: { submit: 'Search', what: 'What', where: 'Where', from: 'From', results: 'Results', remove: /^Remove:/, nothing: 'Nothing matches', order: 'Order', take: 'Take', box: 'Draw a box', view: 'Search in this view', filters: 'Filters' },
  fr: { submit: 'Rechercher', what: 'Quoi', where: 'Où', from: 'Du', results: 'Résultats', remove: /^Retirer :/, nothing: 'Rien ne correspond', order: 'Ordre', take: 'Emporter', box: 'Dessiner un cadre', view: 'Chercher dans cette vue', filters: 'Filtres' },
}

/** How many items the page says it found. */
async function count(page) {
  return Number((await page.locator('.count').textContent()).replaceAll(/\D/g, ''))
}

/** How many the interface says. */
async function matched(query) {
  const answer = await fetch(`${BASE}/search?${query}&limit=1&f=json`)
  return (await answer.json()).numberMatched
}

/** Waits until no search is under way. */
async function settled(page) {
  await page.locator('.explore[data-mounted="true"]:not([aria-busy="true"])').waitFor()
}

/** Waits until the map shows the question. */
async function mapped(page) {
  await settled(page)
  await page.locator('.map.ready').waitFor()
}

for (const language of ['en', 'fr']) {
  const t = TEXTS[language]

  test(`words find items in place, and the address says what was asked (${language})`, async () => {
    await browser.with('/search', { language }, async (page) => {
      await settled(page)
      const all = await count(page)
      await page.getByRole('searchbox', { name: t.what }).fill('garonne')
      await page.getByRole('search').getByRole('button', { name: t.submit }).click()
      await page.waitForURL(/q=garonne/)
      await settled(page)
      assert.equal(await count(page), await matched('q=garonne'))
      assert.ok(await count(page) < all)
      await page.getByRole('link', { name: 'Garonne', exact: true }).first().waitFor()
      await page.goBack()
      await page.waitForURL((url) => !url.search.includes('q='))
      await settled(page)
      assert.equal(await count(page), all)
    })
  })

  test(`a place is found while typing and chosen by keyboard (${language})`, async () => {
    await browser.with('/search', { language }, async (page) => {
      await settled(page)
      const where = page.getByRole('combobox', { name: t.where })
      await where.pressSequentially('switz')
      await page.getByRole('option', { name: /Switzerland|Suisse/ }).waitFor()
      assert.equal(await where.getAttribute('aria-expanded'), 'true')
      await where.press('ArrowDown')
      await where.press('Enter')
      await page.waitForURL(/intersectsRefs=countries.CHE/)
      await settled(page)
      assert.equal(await count(page), await matched('intersectsRefs=countries.CHE'))
      await page.getByRole('link', { name: t.remove }).click()
      await page.waitForURL((url) => !url.search.includes('intersectsRefs'))
    })
  })

  test(`facets take several values, their counts follow, chips take them away (${language})`, async () => {
    await browser.with('/search?q=lake', { language }, async (page) => {
      await settled(page)
      const facets = page.getByRole('complementary', { name: t.filters })
      const first = facets.getByRole('link', { name: /HYDAT/ })
      const said = Number((await first.locator('.number').textContent()).replaceAll(/\D/g, ''))
      await first.click()
      await page.waitForURL(/collections=hydat-stations/)
      await settled(page)
      assert.equal(await count(page), said)
      await facets.getByRole('link', { name: /CAMELS-US/ }).click()
      await page.waitForURL(/camels-us-stations/)
      await settled(page)
      assert.equal(await count(page), await matched('q=lake&collections=hydat-stations,camels-us-stations'))
      await page.getByRole('link', { name: t.remove }).filter({ hasText: 'HYDAT' }).click()
      await page.waitForURL((url) => !url.search.includes('hydat'))
      await settled(page)
      assert.equal(await count(page), await matched('q=lake&collections=camels-us-stations'))
    })
  })

  test(`what matches nothing is said, with ways on (${language})`, async () => {
    await browser.with('/search?q=xyzzyqux&datetime=2020-01-01T00:00:00Z/..', { language }, async (page) => {
      await page.getByText(t.nothing).waitFor()
      await checkAxe(page)
    })
  })

  test(`a refusal is said in words beside its field, nothing old stays, and the question can be mended (${language})`, async () => {
    await browser.with('/search?q=lake', { language }, async (page, session) => {
      session.allow('status of 400')
      await mapped(page)
      const where = page.getByRole('combobox', { name: t.where })
      await where.fill('nowhere at all')
      await page.getByRole('search').getByRole('button', { name: t.submit }).click()
      await page.getByRole('alert').getByText(/nowhere at all/).waitFor()
      assert.equal(await where.getAttribute('aria-invalid'), 'true')
      assert.match(await page.locator(`#${await where.getAttribute('aria-describedby')}`).textContent(), /nowhere at all/)
      assert.equal(await page.locator('.count, .results .items, .facets > *, .timeline').count(), 0, 'nothing of the old answer')
      await checkAxe(page)
      await where.fill('switz')
      await page.getByRole('search').getByRole('button', { name: t.submit }).click()
      await page.waitForURL(/intersectsRefs=countries.CHE/)
      await settled(page)
      assert.equal(await where.getAttribute('aria-invalid'), null)
      assert.equal(await count(page), await matched('q=lake&intersectsRefs=countries.CHE'))
    })
  })

  test(`without scripts a refusal comes with the form as it was filled in (${language})`, async () => {
    for (const [query, id, value] of [['bbox=1,2', 'bbox', '1,2'], ['from=yesterday', 'from', 'yesterday'], ['place=nowhere+at+all', 'place', 'nowhere at all']]) {
      await browser.with(`/search?q=lake&${query}`, { language, scripts: false, status: 400 }, async (page) => {
        const field = page.locator(`#${id}`)
        assert.deepEqual([await field.inputValue(), await field.getAttribute('aria-invalid')], [value, 'true'])
        await page.locator(`[role="alert"] #${await field.getAttribute('aria-describedby')}`).waitFor()
        assert.equal(await page.getByRole('searchbox', { name: t.what }).inputValue(), 'lake')
        await field.fill('')
        await page.getByRole('button', { name: t.submit }).click()
        await page.waitForURL(/\/search\?q=lake$/)
      })
    }
    await browser.with('/search?q=lake&bbox=1,2', { language, status: 400 }, checkAxe)
  })

  test(`on a phone the map's tools are whole (${language})`, async () => {
    await browser.with('/search?q=lake', { language, size: PHONE }, async (page) => {
      await settled(page)
      await page.locator('[data-show="map"]').click()
      await page.locator('.map.ready').waitFor()
      for (const button of await page.locator('.map-tools button:visible').all()) {
        const { x, width } = await button.boundingBox()
        const cut = await button.evaluate((element) => element.scrollWidth > element.clientWidth)
        assert.ok(x >= 0 && x + width <= PHONE.width && !cut, await button.textContent())
      }
    })
  })

  test(`the order is told in words, whatever it is (${language})`, async () => {
    for (const sortby of ['', '-title', '+start_datetime', '-area_km2,+title']) {
      await browser.with(`/search?collections=lakes,laketemps-lakes&sortby=${encodeURIComponent(sortby)}`, { language, scripts: false }, async (page) => {
        const chosen = await page.getByRole('combobox', { name: t.order }).evaluate((select) => select.selectedOptions[0].textContent)
        assert.ok(chosen.length > 5 && !/[_+]|^-/.test(chosen), chosen)
      })
    }
  })
}

test('who asks nothing sees what was observed first, and what is planned last', async () => {
  await browser.with('/search', async (page) => {
    await settled(page)
    const collections = () => page.locator('.results li[data-id]').evaluateAll((rows) => rows.map((row) => row.dataset.collection))
    assert.ok(!(await collections()).includes('swot-passes-planned'))
    assert.equal(await count(page), await matched(''), 'nothing is left out of the count')
    await page.getByRole('link', { name: 'Next page' }).click()
    await page.waitForURL(/token=/)
    await settled(page)
    assert.equal((await collections()).length, 20)
  })
})

test('on a phone without scripts what was found stands before what narrows it down', async () => {
  await browser.with('/search?q=lake', { size: PHONE, scripts: false }, async (page) => {
    const top = async (name) => (await page.getByRole(...name).boundingBox()).y
    assert.ok(await top(['region', { name: 'Results' }]) < await top(['complementary', { name: 'Filters' }]))
    await page.getByRole('link', { name: 'Filters', exact: true }).click()
  })
})

test('a place is suggested whatever its accents and case', async () => {
  for (const text of ['lema', 'LÉMAN', 'lac le']) {
    await browser.with('/search', async (page) => {
      await settled(page)
      await page.getByRole('combobox', { name: 'Where' }).pressSequentially(text)
      await page.getByRole('option', { name: /Lake Geneva/ }).waitFor()
    })
  }
})

test('without a connection the page says so, and goes on when it is back', async () => {
  await browser.with('/search?q=lake', async (page, session) => {
    session.allow('ERR_INTERNET_DISCONNECTED')
    await mapped(page)
    await session.context.setOffline(true)
    await page.getByRole('searchbox', { name: 'What' }).fill('garonne')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('You are offline', { exact: true }).waitFor()
    await session.context.setOffline(false)
    await page.getByRole('link', { name: 'Garonne', exact: true }).first().waitFor()
  })
})

test('several values of a property are chosen, each with the count that choosing it gives', async () => {
  await browser.with('/search?collections=hydat-stations', async (page) => {
    await settled(page)
    const facet = page.getByRole('region', { name: /province/i })
    const links = facet.getByRole('link')
    const [a, b] = [links.nth(0), links.nth(1)]
    const numbers = await Promise.all([a, b].map(async (link) => Number((await link.locator('.number').textContent()).replaceAll(/\D/g, ''))))
    await a.click()
    await page.waitForURL(/filter=/)
    await settled(page)
    assert.equal(await count(page), numbers[0])
    // The facet still offers the other values, with the counts that they would add.
    assert.equal(Number((await b.locator('.number').textContent()).replaceAll(/\D/g, '')), numbers[1])
    await b.click()
    await page.waitForURL(/IN/)
    await settled(page)
    assert.equal(await count(page), numbers[0] + numbers[1])
    assert.equal(await a.getAttribute('aria-current'), 'true')
  })
})

test('a period is brushed on the timeline by keyboard and by mouse', async () => {
  await browser.with('/search?collections=swot-passes-planned', async (page) => {
    await settled(page)
    const all = await count(page)
    const from = page.getByRole('slider', { name: 'Period from' })
    await from.focus()
    await from.press('ArrowRight')
    await from.press('ArrowRight')
    await from.press('Enter')
    await page.waitForURL(/datetime=/)
    await settled(page)
    const datetime = new URL(page.url()).searchParams.get('datetime')
    assert.equal(await count(page), await matched(`collections=swot-passes-planned&datetime=${datetime}`))
    assert.ok(await count(page) < all)
    const chart = await page.locator('.timeline svg').boundingBox()
    await page.mouse.move(chart.x + chart.width * 0.3, chart.y + 20)
    await page.mouse.down()
    await page.mouse.move(chart.x + chart.width * 0.5, chart.y + 20, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL((url) => url.searchParams.get('datetime') !== datetime)
    await settled(page)
    assert.ok(await count(page) > 0)
    assert.equal(await page.getByLabel('From', { exact: true }).inputValue(), new URL(page.url()).searchParams.get('datetime').slice(0, 10))
  })
})

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
  await browser.with(shared, async (page) => {
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
  await browser.with('/search?q=garonne&collections=rivers', async (page) => {
    await settled(page)
    await page.getByText('Take', { exact: true }).click()
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
    await page.getByRole('button', { name: 'Filters', exact: true }).click()
    await page.getByRole('complementary', { name: 'Filters' }).waitFor()
    await checkAxe(page)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Map', exact: true }).click()
    await page.locator('.map.ready').waitFor()
    await page.getByRole('button', { name: 'List', exact: true }).click()
    await page.getByRole('region', { name: 'Results' }).waitFor()
  })
})

test('each item that the map draws has an entry in the list, through whose pages one goes', async () => {
  for (const [query, least] of [['collections=camels-fr-stations', 14], ['collections=lakes,laketemps-lakes&intersectsRefs=countries.CAN', 60]]) {
    await browser.with('/search?q=none-yet', async (page) => {
      await mapped(page)
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

test('planned passes are drawn apart, below what is there', async () => {
  await browser.with('/search?intersectsRefs=lakes.lake-tana', async (page, session) => {
    await mapped(page)
    await page.waitForLoadState('networkidle')
    const asked = session.requests.filter((url) => url.includes('tilejson.json?')).map((url) => new URL(url).searchParams)
    assert.ok(asked.some((query) => query.get('collections') === 'swot-passes-planned'))
    assert.ok(asked.some((query) => query.get('filter') === "collection <> 'swot-passes-planned'"))
  })
})

test('the first result can be read soon after a cold start', async () => {
  const own = await launch()
  try {
    for (const [name, path] of [['search', '/search'], ['search for words', '/search?q=lake']]) {
      const times = await firstResults(own, `${BASE}${path}`)
      console.log(`first result of ${name}: median ${median(times)} ms, slowest ${Math.round(times.at(-1))} ms`)
    }
  } finally {
    await own.close()
  }
})

test('the list can be walked by keyboard, and the whole page is reached from the skip link', async () => {
  await browser.with('/search?q=lake', async (page) => {
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
