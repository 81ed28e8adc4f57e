// The page of a feature with observations: latest values, chart, table, zoom, steps, downloads, code, by role and name.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BASE, PHONE, checkAxe, useBrowser } from '../support/browser.mjs'
import { chartPoints, csv, settled, tableRows } from '../support/page.mjs'

const browser = useBrowser()

const SEINE = '/collections/camels-fr-stations/items/H010002001'
const NODE = '/collections/SWOT_L2_HR_RiverSP_node_D/items/44404000150591'
const LAKE = '/collections/SWOT_L2_HR_LakeSP_prior_D/items/7230381002'
const SENECA = '/collections/usgs-nwis/items/USGS-01645000'
const seine = (query) => `${BASE}/collections/camels-fr-stations/locations/H010002001?${query}`

const WORDS = {
  en: {
    latest: 'Latest values', discharge: 'Discharge', series: 'Time series', period: 'Period', whole: 'Whole period', year: 'Last year',
    zoomIn: 'Zoom in', zoomOut: 'Zoom out', later: 'Later', earlier: 'Earlier', step: 'Time step', month: 'month', show: 'Show', statistic: 'Statistic per step',
    maximum: 'maximum', code: /Code for this view/, copyPython: 'Copy the code for Python', copied: 'Copied.', count: 'number of values',
    precipitation: /^Precipitation \(catchment\)/,
  },
  fr: {
    latest: 'Dernières valeurs', discharge: 'Débit', series: 'Série temporelle', period: 'Période', whole: 'Toute la période', year: 'Dernière année',
    zoomIn: 'Zoom avant', zoomOut: 'Zoom arrière', later: 'Plus tard', earlier: 'Plus tôt', step: 'Pas de temps', month: 'mois', show: 'Afficher', statistic: 'Statistique par pas',
    maximum: 'maximum', code: /Code pour cette vue/, copyPython: 'Copier le code pour Python', copied: 'Copié.', count: 'nombre de valeurs',
    precipitation: /^Précipitations \(bassin\)|^Précipitation/,
  },
}

for (const [language, words] of Object.entries(WORDS)) {
  test(`the latest value stands large with its unit and time, and the chart has the points of the table (${language})`, async () => {
    await browser.with(`${SEINE}?from=2018-01-01&to=2018-12-31`, { maps: false, language }, async (page) => {
      const latest = page.getByRole('region', { name: words.latest })
      await latest.getByText(words.discharge, { exact: true }).waitFor()
      const [last] = (await csv(seine('f=CSV&parameter-name=discharge'))).slice(-1)
      assert.equal(await latest.locator('data').first().getAttribute('value'), last.discharge)
      assert.equal(await latest.locator('time').first().getAttribute('datetime'), last.phenomenon_time)
      await latest.getByText('L/s').waitFor()

      const points = await chartPoints(page)
      const rows = await tableRows(page)
      const answer = await csv(seine('f=CSV&parameter-name=discharge&datetime=2018-01-01/2018-12-31'))
      assert.equal(rows.length, 365)
      assert.deepEqual(rows.map((row) => row.time), answer.map((row) => row.phenomenon_time).reverse())
      assert.deepEqual(rows.map((row) => row.values.discharge), answer.map((row) => row.discharge).reverse())
      assert.equal(points, rows.filter((row) => row.values.discharge !== '').length)
      if (language === 'fr') await checkAxe(page)
    })
  })

  test(`a period is chosen by links and keys, and the address is the state (${language})`, async () => {
    await browser.with(SEINE, { maps: false, language }, async (page) => {
      const whole = await chartPoints(page)
      const period = page.getByRole('navigation', { name: words.period })
      await period.getByRole('link', { name: words.year }).click()
      await settled(page)
      assert.match(page.url(), /from=2018-01-01/)
      const year = await chartPoints(page)
      assert.equal(year, 365)
      await period.getByRole('link', { name: words.zoomIn }).click()
      await settled(page)
      assert.ok(await chartPoints(page) < year)
      const zoomed = page.url()

      // The keys of the chart do what the links do, and the chart keeps the focus.
      const chart = page.getByRole('group', { name: /La Seine à Plaines/ })
      await chart.focus()
      await page.keyboard.press('ArrowLeft')
      await settled(page)
      await page.waitForURL((url) => url.href !== zoomed)
      await chartPoints(page)
      assert.ok(await page.evaluate(() => document.activeElement.classList.contains('canvas')))
      await page.keyboard.press('0')
      await page.waitForURL((url) => !url.search.includes('from='))
      await settled(page)
      assert.equal(await chartPoints(page), whole)

      // Back is back, and a copied address is the same view.
      await page.goBack()
      await page.goBack()
      await page.waitForURL(zoomed)
      await settled(page)
      const again = await chartPoints(page)
      await page.goto(zoomed)
      assert.equal(await chartPoints(page), again)
    })
  })

  test(`steps and statistics are those of the interface, each with its number of values (${language})`, async () => {
    await browser.with(SEINE, { maps: false, language }, async (page) => {
      await page.getByRole('combobox', { name: words.step, exact: true }).selectOption({ label: words.month })
      await page.waitForURL(/resample=P1M/)
      await settled(page)
      const points = await chartPoints(page)
      const rows = await tableRows(page)
      const answer = await csv(seine('f=CSV&parameter-name=discharge&resample=P1M&method=mean,min,max'))
      assert.equal(points, 240)
      assert.equal(rows.length, 240)
      for (const name of ['mean_discharge_P1M', 'min_discharge_P1M', 'max_discharge_P1M', 'count_discharge_P1M']) {
        assert.deepEqual(rows.map((row) => Number(row.values[name])), answer.map((row) => Number(row[name])).reverse(), name)
      }
      await page.getByRole('columnheader', { name: words.count }).waitFor()
      await page.getByRole('combobox', { name: words.statistic }).selectOption({ label: words.maximum })
      await page.waitForURL(/method=max/)
      await settled(page)
      assert.equal(await chartPoints(page), 240)
      assert.equal(await page.locator('#series').getByRole('columnheader').count(), 3, 'time, maximum, number of values')
    })
  })

  test(`several parameters have panels of their own scale (${language})`, async () => {
    await browser.with(`${SEINE}?from=2018-01-01&to=2018-03-31`, { maps: false, language }, async (page) => {
      await chartPoints(page)
      await page.getByRole('checkbox', { name: words.precipitation }).check()
      await page.waitForURL(/precipitation/)
      await settled(page)
      assert.equal(await chartPoints(page), 180)
      assert.deepEqual(await page.locator('.legend .scale').allTextContents(), ['L/s', 'mm/d'])
      assert.equal((await tableRows(page)).length, 90)
    })
  })

  test(`the code for the view holds its address and is copied whole (${language})`, async () => {
    await browser.with(`${SEINE}?from=2018-01-01&to=2018-01-31`, { maps: false, language }, async (page, session) => {
      await session.context.grantPermissions(['clipboard-read', 'clipboard-write'])
      await page.getByText(words.code).click()
      await page.getByRole('button', { name: words.copyPython }).click()
      await page.getByText(words.copied).waitFor()
      const text = await page.evaluate(() => navigator.clipboard.readText())
      const [url] = text.match(/http[^"]+/)
      const rows = await csv(url)
      assert.equal(rows.length, 31)
      assert.ok(text.includes('read_csv'))
      for (const [name, word] of [['R', 'read_csv(url)'], ['curl', 'curl --fail']]) {
        const code = page.getByRole('region', { name, exact: true })
        assert.ok((await code.textContent()).includes(word) && (await code.textContent()).includes(url), name)
      }
    })
  })
}

test('a period is chosen by dragging over the chart', async () => {
  await browser.with(SEINE, { maps: false }, async (page) => {
    const whole = await chartPoints(page)
    await page.locator('.u-over').scrollIntoViewIfNeeded()
    const box = await page.locator('.u-over').boundingBox()
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 5 })
    await page.mouse.up()
    await page.waitForURL(/from=20\d\d-\d\d-\d\d&to=20\d\d-\d\d-\d\d/)
    await settled(page)
    const part = await chartPoints(page)
    assert.ok(part > whole * 0.15 && part < whole * 0.25, `${part} of ${whole}`)
  })
})

test('quality is told by shape and word, uncertainty is in the table, heights name their datum', async () => {
  await browser.with(`${NODE}?parameter-name=wse_sm`, { maps: false }, async (page) => {
    assert.equal(await chartPoints(page), 4)
    const legend = page.locator('.legend')
    await legend.getByText('Quality of the smoothed elevation: good (2)').waitFor()
    await legend.getByText('Quality of the smoothed elevation: suspect (2)').waitFor()
    await legend.getByText(/± uncertainty/).waitFor()
    const shapes = await legend.locator('.class path').evaluateAll((paths) => paths.map((path) => path.getAttribute('d')))
    assert.equal(new Set(shapes).size, 2, 'each class has a shape of its own')
    await page.getByRole('columnheader', { name: 'Smoothed water surface elevation (m, EGM2008)' }).waitFor()
    const rows = await tableRows(page)
    assert.deepEqual(rows.map((row) => row.values.wse_sm_q), ['0', '1', '0', '1'])
    assert.ok(rows.every((row) => Number(row.values.wse_sm_u) > 0))
    await page.getByRole('cell', { name: 'suspect' }).first().waitFor()
  })
})

test('missing stays missing: a pass that saw nothing is a row without value and no point', async () => {
  await browser.with('/collections/SWOT_L2_HR_RiverSP_reach_D/items/57206000511?parameter-name=wse', { maps: false }, async (page) => {
    assert.equal(await chartPoints(page), 0)
    const rows = await tableRows(page)
    assert.deepEqual(rows.map((row) => row.values.wse), [''])
  })
})

test('versions of a product are shown side by side', async () => {
  await browser.with(`${LAKE}?parameter-name=wse`, { maps: false }, async (page) => {
    assert.equal(await chartPoints(page), 4)
    await page.getByRole('combobox', { name: 'Versions' }).selectOption('all')
    await page.waitForURL(/version=all/)
    await settled(page)
    assert.equal(await chartPoints(page), 8)
    assert.equal((await tableRows(page)).length, 8)
    assert.equal(await page.locator('.legend li:not(.class)').count(), 2)
  })
})

test('samples of another kind do not break a daily series', async () => {
  await browser.with(`${SENECA}?parameter-name=discharge_00060`, { maps: false }, async (page) => {
    assert.equal(await chartPoints(page), 5)
    assert.equal((await tableRows(page)).length, 5)
  })
})

test('a very long series says the step that was chosen for it', async () => {
  await browser.with('/collections/hydat-stations/items/08MF005?parameter-name=discharge', { maps: false }, async (page) => {
    await page.getByRole('status').filter({ hasText: 'step chosen to fit' }).waitFor()
    const points = await chartPoints(page)
    assert.ok(points > 1_000 && points < 2_000, `${points} months`)
  })
})

test('every download is what is shown', async () => {
  await browser.with(`${SEINE}?from=2018-01-01&to=2018-12-31&resample=P1M&method=mean`, { maps: false }, async (page) => {
    const section = page.getByRole('region', { name: 'Download these data' })
    for (const [name, check] of [
      ['CSV', (text) => assert.equal(text.trimEnd().split('\n').length, 13)],
      ['CoverageJSON', (text) => assert.equal(JSON.parse(text).ranges.mean_discharge_P1M.values.length, 12)],
      ['GeoJSON', (text) => assert.equal(JSON.parse(text).features.length, 12)],
      ['Parquet', (text) => assert.equal(text.slice(0, 4), 'PAR1')],
    ]) {
      const download = page.waitForEvent('download')
      await section.getByRole('link', { name, exact: true }).click()
      const { readFile } = await import('node:fs/promises')
      check(await readFile(await (await download).path(), name === 'Parquet' ? 'latin1' : 'utf8'))
    }
  })
})

test('without scripts the form, the periods and the pages of the table work', async () => {
  await browser.with(SEINE, { scripts: false }, async (page) => {
    await page.getByText('7,305 observations').first().waitFor()
    await page.getByRole('link', { name: 'Older rows' }).click()
    await page.getByText('Rows 101 to 200 of 7,305').waitFor()
    await page.getByRole('checkbox', { name: /^Precipitation/ }).check()
    await page.getByRole('combobox', { name: 'Time step', exact: true }).selectOption('P1Y')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByText('20 steps: year').first().waitFor()
    assert.equal(await page.locator('#series').getByRole('columnheader').count(), 9, 'a time, four columns of each parameter')
    await page.getByRole('navigation', { name: 'Period' }).getByRole('link', { name: 'Last year' }).click()
    await page.getByText('1 step: year').first().waitFor()
    assert.equal(await page.locator('figure.chart').isVisible(), false)
  })
})

test('a wrong view is refused with what is allowed', async () => {
  for (const [query, word] of [['parameter-name=nothing', 'discharge'], ['from=yesterday', '2024-02-29'], ['resample=P3D', 'P1M'], ['page=0', '1 and more']]) {
    await browser.with(`${SEINE}?${query}`, { maps: false, status: 400 }, async (page) => {
      await page.getByRole('main').getByText(word).first().waitFor()
    })
  }
})

test('the page of a feature is accessible on a phone in the dark', async () => {
  await browser.with(`${NODE}?parameter-name=wse_sm,width`, { maps: false, size: PHONE, theme: 'dark' }, async (page) => {
    await chartPoints(page)
    await checkAxe(page)
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(content <= screen, `${content} on ${screen}`)
  })
})
