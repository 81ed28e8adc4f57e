// The search: what, where, when; facets; the address as the only state.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PHONE, checkAxe, useBrowser } from '../support/browser.mjs'
import { count, mapped, matched, settled } from '../support/search.mjs'

const browser = useBrowser()

const TEXTS = {
  en: { submit: 'Search', what: 'What', where: 'Where', from: 'From', results: 'Results', remove: /^Remove:/, nothing: 'No results', order: 'Order', take: 'Download', box: 'Draw a box', view: 'Search in this view', filters: 'Filters' },
  fr: { submit: 'Rechercher', what: 'Quoi', where: 'Où', from: 'Du', results: 'Résultats', remove: /^Retirer :/, nothing: 'Aucun résultat', order: 'Ordre', take: 'Télécharger', box: 'Dessiner un cadre', view: 'Chercher dans cette vue', filters: 'Filtres' },
}

for (const language of ['en', 'fr']) {
  const t = TEXTS[language]

  test(`words find items in place, and the address says what was asked (${language})`, async () => {
    await browser.with('/search', { maps: false, language }, async (page) => {
      await settled(page)
      const all = await count(page)
      await page.getByRole('combobox', { name: t.what }).fill('garonne')
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
    await browser.with('/search', { maps: false, language }, async (page) => {
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
    await browser.with('/search?q=lake', { maps: false, language }, async (page) => {
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
    await browser.with('/search?q=xyzzyqux&datetime=2020-01-01T00:00:00Z/..', { maps: false, language }, async (page) => {
      await page.getByText(t.nothing).waitFor()
      // Whatever the language, the page is built alike; the suite of pages sees each in both.
      if (language === 'fr') await checkAxe(page)
    })
  })

  test(`a refusal is said in words beside its field, nothing old stays, and the question can be mended (${language})`, async () => {
    const maps = language === 'en'
    await browser.with('/search?q=lake', { language, maps }, async (page, session) => {
      session.allow('status of 400')
      await (maps ? mapped : settled)(page)
      const where = page.getByRole('combobox', { name: t.where })
      await where.fill('nowhere at all')
      await page.getByRole('search').getByRole('button', { name: t.submit }).click()
      await page.getByRole('alert').getByText(/nowhere at all/).waitFor()
      assert.equal(await where.getAttribute('aria-invalid'), 'true')
      assert.match(await page.locator(`#${await where.getAttribute('aria-describedby')}`).textContent(), /nowhere at all/)
      assert.equal(await page.locator('.count, .results .items, .facets > *, .timeline').count(), 0, 'nothing of the old answer')
      if (maps) await checkAxe(page)
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
  await browser.with('/search', { maps: false }, async (page) => {
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

test('on a phone the active filters are one row, through which one goes by keyboard', async () => {
  const query = 'q=lake&collections=hydat-stations,camels-us-stations,lakes&intersectsRefs=countries.CAN,countries.USA&datetime=1990-01-01T00:00:00Z/..'
  await browser.with(`/search?${query}`, { maps: false, size: PHONE }, async (page) => {
    await settled(page)
    const row = page.getByRole('list', { name: 'Active filters' })
    const chips = row.getByRole('link')
    assert.ok(await chips.count() > 6)
    const tops = await chips.evaluateAll((links) => links.map((link) => link.getBoundingClientRect().top))
    assert.equal(new Set(tops).size, 1)
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    assert.ok(content <= screen, 'the page itself does not move sideways')
    await chips.first().focus()
    for (const chip of await chips.all()) {
      assert.ok(await chip.evaluate((link) => link === document.activeElement), await chip.textContent())
      const { x, width } = await chip.boundingBox()
      assert.ok(x >= 0 && x + width <= PHONE.width, `${await chip.textContent()} at ${x} to ${x + width}`)
      await page.keyboard.press('Tab')
    }
  })
})

test('a place is suggested whatever its accents and case', async () => {
  for (const text of ['lema', 'LÉMAN', 'lac le']) {
    await browser.with('/search', { maps: false }, async (page) => {
      await settled(page)
      await page.getByRole('combobox', { name: 'Where' }).pressSequentially(text)
      await page.getByRole('option', { name: /Lake Geneva/ }).waitFor()
    })
  }
})

test('what is typed is completed to places, collections and words, and what is picked is asked', async () => {
  await browser.with('/search', { maps: false }, async (page) => {
    await settled(page)
    const what = page.getByRole('combobox', { name: 'What' })
    await what.pressSequentially('garo')
    const word = page.getByRole('option', { name: /^garonne Word/i })
    const told = Number((await word.textContent()).replaceAll(/\D/g, ''))
    await word.click()
    await page.waitForURL(/q=garonne/i)
    await settled(page)
    assert.equal(await count(page), told)
    await what.fill('')
    await what.pressSequentially('lake gen')
    await page.getByRole('option', { name: /Lake Geneva/ }).first().waitFor()
    await page.keyboard.press('ArrowDown')
    const picked = page.getByRole('listbox', { name: 'Suggestions' }).getByRole('option', { selected: true })
    assert.match(await picked.textContent(), /Lake Geneva/)
    await page.keyboard.press('Enter')
    await page.waitForURL(/intersectsRefs=/)
    await settled(page)
    assert.equal(await what.inputValue(), '')
    assert.ok(!new URL(page.url()).searchParams.has('q'))
  })
})

test('without a connection the page says so, and goes on when it is back', async () => {
  await browser.with('/search?q=lake', async (page, session) => {
    session.allow('ERR_INTERNET_DISCONNECTED')
    await mapped(page)
    await session.context.setOffline(true)
    await page.getByRole('combobox', { name: 'What' }).fill('garonne')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('You are offline', { exact: true }).waitFor()
    await session.context.setOffline(false)
    await page.getByRole('link', { name: 'Garonne', exact: true }).first().waitFor()
  })
})

test('several values of a property are chosen, each with the count that choosing it gives', async () => {
  await browser.with('/search?collections=hydat-stations', { maps: false }, async (page) => {
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
  await browser.with('/search?collections=swot-passes-planned', { maps: false }, async (page) => {
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
