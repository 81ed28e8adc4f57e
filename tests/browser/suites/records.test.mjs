// Pages of items, collections, passes and legal texts, and what they tell to machines.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'

import { BASE, useBrowser } from '../support/browser.mjs'
import { start } from '../support/server.mjs'

const browser = useBrowser()

const WORDS = {
  en: {
    properties: 'Properties', provenance: 'Where it comes from', licence: 'Licence', cite: 'How to cite', copyCitation: 'Copy the citation', copied: 'Copied.',
    parameters: /^Parameters/, time: 'Coverage over time', access: 'Data access', filter: 'What you can filter by', search: 'Search its items', kind: 'Type of station',
    seen: 'When does SWOT see it?', here: 'What is here?', find: 'Find', show: 'Show passes', next: 'Next pass', last: 'Last seen', notice: 'Legal notice',
    accessibility: 'Accessibility', privacy: 'Privacy', about: 'About this service', place: 'Place', none: /No collection contains all these words/,
    files: 'Files', past: 'Past', come: 'Upcoming', year: 'Year', table: 'As a table',
  },
  fr: {
    properties: 'Propriétés', provenance: 'Provenance', licence: 'Licence', cite: 'Comment citer', copyCitation: 'Copier la citation', copied: 'Copié.',
    parameters: /^Paramètres/, time: 'Couverture temporelle', access: 'Accès aux données', filter: 'Critères de filtrage', search: 'Rechercher dans ses éléments', kind: 'Type de station',
    seen: 'Quand SWOT le voit-il ?', here: "Qu'y a-t-il ici ?", find: 'Trouver', show: 'Afficher les passages', next: 'Prochain passage', last: 'Vu pour la dernière fois', notice: 'Mentions légales',
    accessibility: 'Accessibilité', privacy: 'Confidentialité', about: 'À propos de ce service', place: 'Lieu', none: /Aucune collection ne contient tous ces mots/,
    files: 'Fichiers', past: 'Passés', come: 'À venir', year: 'Année', table: 'Sous forme de tableau',
  },
}

for (const [language, words] of Object.entries(WORDS)) {
  test(`an item says what it is, where it comes from, and leads on (${language})`, async () => {
    await browser.with('/collections/naiades-stations/items/U1305043', { maps: false, language }, async (page) => {
      await page.getByRole('heading', { level: 1, name: /PANTHIER/ }).waitFor()
      const properties = page.getByRole('region', { name: words.properties })
      await properties.getByRole('rowheader', { name: words.kind }).waitFor()
      const provenance = page.getByRole('region', { name: words.provenance })
      await provenance.getByText(words.licence, { exact: true }).waitFor()
      assert.ok(await provenance.getByRole('link').count() >= 2, 'providers and licence are links')
      await page.getByRole('link', { name: words.seen }).click()
      await page.getByRole('heading', { level: 1, name: /SWOT/ }).waitFor()
      assert.match(page.url(), /place=naiades-stations\.U1305043/)
      await page.getByRole('heading', { name: words.next }).waitFor()
    })
    await browser.with('/collections/lakes/items/lake-victoria', { maps: false, language }, async (page) => {
      await page.getByRole('link', { name: words.here }).click()
      await page.waitForURL(/intersectsRefs=lakes\.lake-victoria/)
    })
  })

  test(`a granule shows its files, its cycle and its pass (${language})`, async () => {
    const { features: [granule] } = await (await fetch(`${BASE}/collections/SWOT_L2_HR_RiverSP_D/items?limit=1`)).json()
    await browser.with(`/collections/SWOT_L2_HR_RiverSP_D/items/${granule.id}`, { maps: false, language }, async (page) => {
      await page.getByRole('region', { name: words.files, exact: true }).getByRole('rowheader').first().waitFor()
      const properties = page.getByRole('region', { name: words.properties })
      await properties.getByRole('rowheader', { name: 'Cycle', exact: true }).waitFor()
      await properties.getByRole('rowheader', { name: language === 'en' ? 'Pass' : 'Passage', exact: true }).waitFor()
    })
  })

  test(`a collection says parameters, coverage, citation, licence, filters and access (${language})`, async () => {
    await browser.with('/collections/camels-fr-stations', { maps: false, language }, async (page, session) => {
      await session.context.grantPermissions(['clipboard-read', 'clipboard-write'])
      const parameters = page.getByRole('region', { name: words.parameters }).first()
      await parameters.getByRole('row', { name: /discharge.*L\/s/ }).first().waitFor()
      const time = page.getByRole('region', { name: words.time })
      await time.getByText(words.table).click()
      assert.equal(await time.getByRole('table').getByRole('row').count(), 21, 'a head, and the years 1999 to 2018')
      await page.getByRole('region', { name: words.access }).getByRole('link').first().waitFor()
      await page.getByRole('heading', { name: words.filter }).waitFor()
      await page.getByRole('button', { name: words.copyCitation }).click()
      await page.getByText(words.copied).waitFor()
      const citation = await page.evaluate(() => navigator.clipboard.readText())
      assert.match(citation, /INRAE.*https:\/\/doi\.org\/10\.57745\/WH7FJR/)
      await page.getByRole('link', { name: /DOI: 10\.57745/ }).waitFor()
      await page.getByRole('link', { name: words.search }).click()
      await page.waitForURL(/collections=camels-fr-stations/)
    })
  })

  test(`the list of collections is narrowed by words (${language})`, async () => {
    await browser.with('/collections', { maps: false, language }, async (page) => {
      const all = await page.getByRole('main').getByRole('listitem').filter({ has: page.getByRole('heading') }).count()
      await page.getByRole('searchbox').fill('camels')
      await page.getByRole('button', { name: words.find }).click()
      await page.waitForURL(/q=camels/)
      const some = page.getByRole('main').getByRole('listitem').filter({ has: page.getByRole('heading') })
      assert.equal(await some.count(), 2)
      assert.ok(all > 15)
      await page.getByRole('searchbox').fill('nosuchword')
      await page.getByRole('searchbox').press('Enter')
      await page.getByText(words.none).waitFor()
    })
  })

  test(`passes are asked for by typing a place, and told before and after now (${language})`, async () => {
    await browser.with('/swot/passes', { maps: false, language }, async (page) => {
      await page.getByRole('combobox', { name: words.place }).fill('37.3, 12.0')
      await page.getByRole('button', { name: words.show }).click()
      await page.waitForURL(/point=37\.3%2C12\.0/)
      const answer = await (await fetch(`${BASE}/swot/passes?point=37.3,12.0&f=json`)).json()
      for (const [heading, pass] of [[words.last, answer.previous], [words.next, answer.next]]) {
        const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: heading }) })
        assert.equal(await card.locator('time').getAttribute('datetime'), pass.datetime)
      }
      await page.getByRole('link', { name: words.come, exact: true }).click()
      await page.waitForURL(/datetime=/)
      const now = new Date().toISOString()
      const times = await page.getByRole('rowheader').locator('time').evaluateAll((list) => list.map((time) => time.dateTime))
      assert.ok(times.length > 2 && times.every((time) => time.slice(0, 16) >= now.slice(0, 16)), times.join())
      await page.getByRole('link', { name: words.past, exact: true }).click()
      await page.waitForURL(/datetime=\.\./)
    })
  })

  test(`the legal texts are linked from every footer (${language})`, async () => {
    for (const name of [words.notice, words.accessibility, words.privacy]) {
      await browser.with('/collections', { maps: false, language }, async (page) => {
        await page.getByRole('contentinfo').getByRole('navigation', { name: words.about }).getByRole('link', { name }).click()
        await page.getByRole('heading', { level: 1, name }).waitFor()
        assert.ok((await page.getByRole('article').textContent()).length > 500)
      })
    }
  })
}

for (const [language, words] of Object.entries(WORDS)) {
  test(`a place of passes is found while typing, whatever its accents (${language})`, async () => {
    await browser.with('/swot/passes', { maps: false, language }, async (page) => {
      await page.getByRole('combobox', { name: words.place }).pressSequentially('lac lem')
      await page.getByRole('option', { name: /Lake Geneva|Lac Léman/ }).click()
      await page.waitForURL(/place=lakes\.lake-geneva/)
      await page.getByRole('heading', { name: words.next }).waitFor()
      assert.match(await page.getByRole('combobox', { name: words.place }).inputValue(), /Geneva|Léman/)
      await page.getByLabel(language === 'en' ? 'From (UTC)' : 'Du (UTC)').fill('2026-01-01')
      await page.getByRole('button', { name: words.show }).click()
      await page.waitForURL(/place=lakes\.lake-geneva&datetime=2026-01-01/)
    })
  })

  test(`a name of several places is a choice, and of none says so, without scripts (${language})`, async () => {
    await browser.with('/swot/passes?where=niger&from=2026-01-01', { language, scripts: false, status: 400 }, async (page) => {
      const field = page.getByRole('textbox', { name: words.place })
      assert.deepEqual([await field.inputValue(), await field.getAttribute('aria-invalid')], ['niger', 'true'])
      await page.getByRole('alert').getByRole('link', { name: 'Niger' }).last().click()
      await page.waitForURL(/place=rivers\..*datetime=2026-01-01/)
      await page.getByRole('heading', { name: words.next }).waitFor()
    })
    await browser.with('/swot/passes?where=atlantis', { maps: false, language, status: 400 }, async (page) => {
      await page.getByRole('alert').getByText(/atlantis/).waitFor()
    })
  })
}

test('a version that there is not is refused, with those that there are', async () => {
  await browser.with('/collections/SWOT_L2_HR_LakeSP_prior_D/items/7230381002?version=zz', { maps: false, status: 400 }, async (page) => {
    await page.getByText(/no version "zz"/).waitFor()
    await page.getByText(/latest, all, PGD0/).waitFor()
  })
})

test('passes work without scripts, for a place and for a box', async () => {
  await browser.with('/swot/passes?place=lakes.lake-tana', { scripts: false }, async (page) => {
    await page.getByRole('heading', { name: 'Next pass' }).waitFor()
    assert.ok(await page.getByRole('table').getByRole('row').count() > 5)
    assert.equal(await page.getByRole('textbox', { name: 'Place' }).inputValue(), 'Lake Tana')
    await page.getByRole('textbox', { name: 'Place' }).fill('37, 11.5, 37.6, 12.3')
    await page.getByLabel('To (UTC)').fill('2026-06-30')
    await page.getByRole('button', { name: 'Show passes' }).click()
    await page.waitForURL(/bbox=37%2C11\.5%2C37\.6%2C12\.3&datetime=\.\.%2F2026-06-30/)
    assert.ok(await page.getByRole('table').getByRole('row').count() > 2)
  })
})

/** The JSON-LD of the first HTML of a path. */
async function linkedData(path) {
  const html = await (await fetch(`${BASE}${path}`, { headers: { accept: 'text/html' } })).text()
  const [, block] = html.match(/<script type="application\/ld\+json">(.*?)<\/script>/s)
  const [, canonical] = html.match(/<link rel="canonical" href="([^"]+)"/)
  return [JSON.parse(block), canonical]
}

test('collections and items are schema.org datasets in the first HTML, with canonical addresses', async () => {
  for (const [path, check] of [
    ['/collections/camels-fr-stations', (data) => {
      assert.equal(data.temporalCoverage, '1999-01-01T00:00:00Z/2018-12-31T00:00:00Z')
      assert.ok(data.variableMeasured.some((variable) => variable.alternateName === 'discharge' && variable.unitText === 'L/s'))
      assert.match(data.spatialCoverage.geo.box, /^41\.\d+ -3\.\d+ 50\.\d+ 8\.\d+$/)
      assert.equal(data.sameAs, 'https://doi.org/10.57745/WH7FJR')
    }],
    ['/collections/camels-fr-stations/items/H010002001', (data) => {
      assert.equal(data.isPartOf['@id'], `${BASE}/collections/camels-fr-stations`)
      assert.equal(typeof data.spatialCoverage.geo.latitude, 'number')
      assert.ok(data.distribution.some((download) => download.encodingFormat === 'text/csv'))
    }],
    ['/collections/lakes/items/lake-victoria', (data) => assert.equal(data.spatialCoverage.geo['@type'], 'GeoShape')],
  ]) {
    const [data, canonical] = await linkedData(`${path}?f=html`)
    assert.equal(data['@type'], 'Dataset')
    assert.equal(data['@context'], 'https://schema.org/')
    assert.equal(canonical, `${BASE}${path}`)
    assert.equal(data.url, canonical)
    assert.ok(data.name && data.description.length >= 50 && data.license, path)
    for (const download of data.distribution) {
      assert.equal((await fetch(download.contentUrl, { method: 'HEAD' })).status, 200, download.contentUrl)
    }
    check(data)
  }
})

/** The addresses in a sitemap, with those of its parts. */
async function sitemapUrls(base) {
  const locations = (xml) => [...xml.matchAll(/<loc>([^<]+)<\/loc>/g)].map((match) => match[1].replaceAll('&amp;', '&'))
  const robots = await (await fetch(`${base}/robots.txt`)).text()
  const [, address] = robots.match(/^Sitemap: (.+)$/m)
  const first = await (await fetch(address)).text()
  if (!first.includes('<sitemapindex')) return locations(first)
  const all = []
  for (const part of locations(first)) {
    const xml = await (await fetch(part)).text()
    const urls = locations(xml)
    assert.ok(xml.startsWith('<?xml') && urls.length > 0 && urls.length <= 50_000, part)
    all.push(...urls)
  }
  return all
}

let own
/** A server of this file alone, with pages of its own. */
function ownServer() {
  own ??= (async () => {
    const folder = mkdtempSync(`${tmpdir()}/nilometer-pages-`)
    writeFileSync(`${folder}/legal.en.md`, '# Our notice\n\nRun by the river authority. <script>alert(1)</script>\n')
    return { folder, ...await start({ pages: folder, 'service.contact': 'water@river.example' }) }
  })()
  return own
}
after(async () => {
  if (!own) return
  const { folder, stop } = await own
  await stop()
  rmSync(folder, { recursive: true })
})

test('the sitemap lists what visitors see, each once, and nothing hidden', async () => {
  const hidden = {
    type: 'Collection', stac_version: '1.1.0', id: 'secret-gauges', title: 'Secret', description: 'Hidden gauges', license: 'CC0-1.0',
    'nilometer:access': 'hidden', links: [], extent: { spatial: { bbox: [[-180, -90, 180, 90]] }, temporal: { interval: [[null, null]] } },
  }
  const server = await ownServer()
  const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' }
  const made = await fetch(`${server.url}/collections`, { method: 'POST', headers, body: JSON.stringify(hidden) })
  assert.equal(made.status, 201, await made.text())
  const urls = await sitemapUrls(server.url)
  const counts = await (await fetch(`${server.url}/search?limit=1`)).json()
  const { collections } = await (await fetch(`${server.url}/collections`)).json()
  assert.equal(new Set(urls).size, urls.length)
  assert.equal(urls.filter((url) => url.includes('/items/')).length, counts.numberMatched)
  for (const { id } of collections) assert.ok(urls.includes(`${server.url}/collections/${encodeURIComponent(id)}`), id)
  assert.ok(!urls.some((url) => url.includes('secret')))
  // An operator reads the same sitemap.
  const index = await (await fetch(`${server.url}/sitemap.xml`, { headers })).text()
  assert.ok(!index.includes('secret'))
  for (const url of [urls[0], urls.at(-1), urls[Math.floor(urls.length / 2)]]) {
    assert.equal((await fetch(url, { headers: { accept: 'text/html' } })).status, 200, url)
  }
})

test('texts of one\'s own replace the legal notice', async () => {
  const { url } = await ownServer()
  await browser.with('/pages/legal', { base: url }, async (page) => {
    await page.getByRole('heading', { level: 1, name: 'Our notice' }).waitFor()
    await page.getByText('<script>alert(1)</script>').waitFor()
  })
  await browser.with('/pages/privacy', { base: url }, async (page) => {
    await page.getByRole('link', { name: 'water@river.example' }).waitFor()
  })
})

test('a small map keeps its sources behind a button, which tells them', async () => {
  await browser.with('/collections/lakes/items/lake-victoria', async (page) => {
    await page.locator('.place .holder.ready').waitFor()
    await page.waitForLoadState('networkidle')
    const sources = page.locator('.maplibregl-ctrl-attrib').getByText(/Natural Earth/)
    assert.equal(await sources.isVisible(), false)
    await page.getByLabel('Sources of the map').click()
    await sources.waitFor()
  })
})

test('an item of an unknown collection, and a page of no name, are not found', async () => {
  for (const path of ['/collections/nothing/items/x', '/collections/lakes/items/nothing', '/pages/nothing', '/sitemap/nothing/0.xml']) {
    assert.equal((await fetch(`${BASE}${path}`)).status, 404, path)
  }
})
