// From a search to the files: basket, order, progress and download; the pages of keys, licences and what there is to look after.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { enter, invited } from '../support/accounts.mjs'
import { checkAxe, launch, openIn } from '../support/browser.mjs'
import { AUDIENCE, CLIENT, SECRET, certified } from '../support/issuers.mjs'
import { send } from '../support/page.mjs'
import { start } from '../support/server.mjs'

const FILES = 3
/** Files of an order that are looked up at a time: the next ones wait until they are there. */
const AT_ONCE = 8
/** Far above what an order takes: only one that never gets there fails. */
const REACHED_WITHIN_MS = 60_000

/** A server of files that answers when it is let, so that an order stays where it is. */
async function sluice() {
  const waiting = []
  let isOpen = false
  const server = createServer((_, response) => {
    const answer = () => response.writeHead(200, { 'content-length': 6, etag: '"1"' }).end('water\n')
    if (isOpen) answer()
    else waiting.push(answer)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${server.address().port}`,
    open() {
      isOpen = true
      for (const answer of waiting.splice(0)) answer()
    },
    shut() { isOpen = false },
    stop: () => new Promise((resolve) => {
      server.closeAllConnections()
      server.close(resolve)
    }),
  }
}

/** Loads a page anew until something is on it; it does so by itself too, though less often. */
async function until(page, target) {
  const end = Date.now() + REACHED_WITHIN_MS
  while (await target.count() === 0) {
    assert.ok(Date.now() < end, `${page.url()} does not get there: ${await page.getByRole('main').innerText()}`)
    await pause(200)
    await page.reload()
  }
}

describe('somebody who is signed in', () => {
  let issuer
  let service
  let browser
  let page
  let store
  let elsewhere

  /** Asks the service with an operator's key. */
  async function ask(method, address, body) {
    const headers = { 'x-api-key': service.key, 'content-type': 'application/json', accept: 'application/json' }
    const answer = await fetch(`${service.url}${address}`, { method, headers, body: JSON.stringify(body) })
    assert.ok(answer.ok, `${method} ${address}: ${answer.status} ${await answer.clone().text()}`)
    return answer
  }

  const collection = (id, more) => ({
    type: 'Collection', stac_version: '1.1.0', id, title: `Title of ${id}`, description: 'A test', license: 'other', links: [],
    extent: { spatial: { bbox: [[-180, -90, 180, 90]] }, temporal: { interval: [[null, null]] } }, ...more,
  })

  /** A collection with files of the store; `hrefs` says by number which lie elsewhere. */
  async function fill(id, count, more = {}, hrefs = {}) {
    await ask('POST', '/collections', collection(id, more))
    for (let number = 0; number < count; number += 1) {
      writeFileSync(path.join(store, `${id}-${number}.bin`), `${id} ${number}\n`.repeat(100))
      await ask('POST', `/collections/${id}/items`, {
        type: 'Feature', stac_version: '1.1.0', id: `${id}-${number}`, collection: id, links: [],
        geometry: { type: 'Point', coordinates: [number, number] }, bbox: [number, number, number, number],
        properties: { datetime: '2024-01-01T00:00:00Z' },
        assets: { data: { href: hrefs[number] ?? `${id}-${number}.bin`, roles: ['data'] } },
      })
    }
  }

  /** The words of a page in both languages: nothing of it breaks in French. */
  async function inBoth(address, english, french) {
    for (const [lang, heading] of [['fr', french], ['en', english]]) {
      await page.goto(`${service.url}${address}${address.includes('?') ? '&' : '?'}lang=${lang}`)
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
      await checkAxe(page)
    }
  }

  before(async () => {
    store = mkdtempSync(path.join(tmpdir(), 'nilometer-store-'))
    issuer = await certified()
    elsewhere = await sluice()
    service = await start({
      'oidc.issuer': issuer.url, 'oidc.client_id': CLIENT, 'oidc.client_secret': SECRET, 'oidc.audience': AUDIENCE, 'oidc.name': 'Water Id',
      'stores.disk.kind': 'directory', 'stores.disk.root': store,
      'remote.hosts': elsewhere.host, 'remote.addresses': '127.0.0.1', 'remote.idle_timeout_s': '600',
    })
    await issuer.serve(service.url)
    await fill('granules', FILES)
    // As many before it as after it: whichever way they are sorted, half of the others are looked up first.
    await fill('levels', 2 * AT_ONCE + 1, {}, { [AT_ONCE]: `http://${elsewhere.host}/levels.bin` })
    await fill('closed', 1, { 'nilometer:licence_acceptance': true, license: 'CC-BY-NC-4.0' })
    browser = await launch(false)
    const context = await browser.newContext({ locale: 'en-GB', acceptDownloads: true })
    page = await context.newPage()
    // The provider's pages ask for fonts of elsewhere.
    await page.route('**/*', (route) => {
      const own = [issuer.url, service.url].some((url) => route.request().url().startsWith(url))
      return own ? route.continue() : route.abort()
    })
    // Led to sign in from a page of orders, and back to it.
    await page.goto(`${service.url}/orders`)
    await page.getByRole('link', { name: 'Sign in with Water Id' }).click()
    await page.locator('input[name=login]').fill('ana')
    await page.locator('input[name=password]').fill('any')
    await page.locator('button[type=submit]').click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { level: 1, name: 'Orders' }).waitFor()
  })
  after(async () => {
    await browser?.close()
    await service?.stop()
    await issuer?.stop()
    await elsewhere?.stop()
    rmSync(store, { recursive: true, force: true })
  })

  test('orders what a search found, sees how far it is, and fetches it', async () => {
    await page.goto(`${service.url}/search?collections=granules`)
    await page.getByRole('link', { name: 'Order files' }).first().click()
    await page.getByRole('heading', { level: 1, name: 'Into the basket' }).waitFor()
    await checkAxe(page)
    await page.getByRole('button', { name: 'Put it into the basket' }).click()
    await page.getByRole('heading', { level: 1, name: 'Basket' }).waitFor()
    await page.getByRole('definition').filter({ hasText: /^3$/ }).waitFor()
    await checkAxe(page)
    // Shared by a link, and taken back.
    await page.getByRole('button', { name: 'Share by a link' }).click()
    const link = await page.getByRole('status').locator('code').textContent()
    assert.equal((await fetch(link)).status, 200)
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.getByRole('heading', { level: 2, name: 'Baskets that you share' }).waitFor({ state: 'detached' })
    assert.equal((await fetch(link)).status, 404)

    await page.getByRole('textbox', { name: 'Name of the order' }).fill('flood of January')
    await page.getByRole('button', { name: 'Order', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'flood of January' }).waitFor()
    await page.getByRole('definition').filter({ hasText: /^(waiting|being prepared.*|ready)$/ }).waitFor()
    // The page loads itself anew until the order is ready.
    const fetchLink = page.getByRole('link', { name: /^Fetch/ })
    await fetchLink.waitFor({ timeout: 90_000 })
    await checkAxe(page)
    const [download] = await Promise.all([page.waitForEvent('download'), fetchLink.click()])
    const id = new URL(page.url()).pathname.split('/').at(-1)
    assert.equal(download.suggestedFilename(), `${id}.zip`)
    const archive = readFileSync(await download.path())
    assert.equal(archive.subarray(0, 2).toString(), 'PK')
    for (let number = 0; number < FILES; number += 1) assert.ok(archive.includes(`granules-${number}.bin`), `file ${number}`)
    await inBoth('/orders', 'Orders', 'Commandes')
    await page.getByRole('link', { name: 'flood of January' }).waitFor()
    await inBoth('/account/basket', 'Basket', 'Panier')
  })

  test('makes a key on a page of its own and takes it back', async () => {
    await page.goto(`${service.url}/account`)
    await page.getByRole('link', { name: 'Keys', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Keys for programs' }).waitFor()
    await page.getByRole('textbox', { name: 'Name of the new key' }).fill('laptop')
    await page.getByRole('button', { name: 'Make a key' }).click()
    const key = await page.locator('#new-key').textContent()
    await checkAxe(page)
    const status = async () => (await fetch(`${service.url}/account`, { headers: { 'x-api-key': key, accept: 'application/json' } })).status
    assert.equal(await status(), 200)
    await page.getByRole('button', { name: 'Revoke laptop' }).click()
    await page.getByText(/^revoked/).waitFor()
    assert.equal(new URL(page.url()).pathname, '/account/keys')
    assert.equal(await status(), 401)
    await inBoth('/account/keys', 'Keys for programs', 'Clés pour les programmes')
  })

  test('accepts the terms of a collection and sees what was accepted', async () => {
    await page.goto(`${service.url}/account`)
    await page.getByRole('link', { name: 'Licences', exact: true }).click()
    await page.getByText('Nothing was accepted yet.').waitFor()
    await checkAxe(page)
    // Its file asks for them, too.
    const file = `${service.url}/collections/closed/items/closed-0/assets/data`
    const status = () => page.evaluate(async (address) => (await fetch(address)).status, file)
    assert.equal(await status(), 403)
    await page.getByRole('link', { name: 'Title of closed' }).click()
    await page.getByRole('button', { name: 'I accept these terms' }).click()
    await page.getByText('You accepted them').waitFor()
    assert.equal(await status(), 200)
    await inBoth('/account/licences', 'Licences', 'Licences')
    await page.getByText('Nothing is left to accept.').waitFor()
    await page.getByRole('row', { name: /closed CC-BY-NC-4.0/ }).waitFor()
  })

  test('finds all there is to look after from one page', async () => {
    await page.goto(`${service.url}/account`)
    await page.getByRole('link', { name: 'Administration', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Administration' }).waitFor()
    await page.getByText(/ready: 1/).waitFor()
    assert.equal(await page.getByRole('main').getByRole('link', { name: 'Audit log' }).count(), 0, 'operators do not read it')
    await inBoth('/admin', 'Administration', 'Administration')
    for (const name of ['Accounts', 'Groups', 'All orders']) {
      await page.goto(`${service.url}/admin`)
      await page.getByRole('main').getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { level: 1, name }).waitFor()
      await checkAxe(page)
    }
    await page.getByRole('row', { name: /flood of January/ }).getByRole('button', { name: 'Prepare anew flood of January' }).click()
    await page.getByRole('row', { name: /flood of January.*(waiting|being prepared|ready)/ }).waitFor()
  })

  test('an order is followed, held back by an operator, listed, fetched, and taken back while it is prepared anew', async () => {
    const password = 'nine herons below the weir'
    const { page: own, judge, allow, close } = await openIn(browser, '/account', { base: service.url })
    // The console tells why there is no map.
    allow('WebGL')
    await enter(own, invited(service, 'ben', 'user'), 'ben', password)
    const taken = own.getByRole('definition').filter({ hasText: / of 107 GB, / })
    assert.match(await taken.textContent(), /^0 B of /)
    const stateOf = (name) => own.getByRole('definition').filter({ hasText: name })
    const row = page.getByRole('row', { name: /levels of May/ })
    const asOperator = async (what) => {
      await page.goto(`${service.url}/admin/orders`)
      await send(row.getByRole('button', { name: `${what} levels of May` }))
    }

    await own.goto(`${service.url}/search?collections=levels`)
    await own.getByRole('link', { name: 'Order files' }).first().click()
    await own.getByRole('button', { name: 'Put it into the basket' }).click()
    await own.getByRole('textbox', { name: 'Name of the order' }).fill('levels of May')
    await own.getByRole('button', { name: 'Order', exact: true }).click()
    await own.getByRole('heading', { level: 1, name: 'levels of May' }).waitFor()
    // The files before the one that lies elsewhere are there.
    const percent = Math.floor((100 * AT_ONCE) / (2 * AT_ONCE + 1))
    await until(own, stateOf(`being prepared ${percent} %`))
    assert.equal(await own.getByRole('progressbar', { name: 'Progress' }).getAttribute('value'), String(percent))
    assert.equal(await own.getByRole('button', { name: /^(Pause|Resume)/ }).count(), 0, 'nobody holds back their own')

    await page.goto(`${service.url}/admin/orders`)
    await row.filter({ hasText: 'ben' }).getByRole('progressbar', { name: 'Progress' }).waitFor()
    await checkAxe(page)
    await asOperator('Pause')
    await row.filter({ hasText: 'held back' }).waitFor()
    elsewhere.open()
    await own.reload()
    await stateOf(/^held back$/).waitFor()
    await checkAxe(own)
    await own.getByRole('status').filter({ hasText: 'held back by those who run the service' }).waitFor()
    await asOperator('Resume')
    await until(page, row.filter({ hasText: 'ready' }))
    await until(own, stateOf(/^ready$/))

    const order = own.url()
    await own.getByRole('link', { name: 'List of files' }).click()
    await own.getByRole('heading', { level: 1, name: 'Files of the order' }).waitFor()
    await checkAxe(own)
    const listed = await own.getByRole('table').locator('tbody code').allTextContents()
    const json = await own.getByRole('link', { name: 'All of them as JSON' }).getAttribute('href')
    const { files } = await (await own.request.get(new URL(json, service.url).href)).json()
    assert.deepEqual(files.map((file) => file.path), listed)
    const [download] = await Promise.all([own.waitForEvent('download'), own.getByRole('link', { name: /^Fetch/ }).click()])
    const archive = readFileSync(await download.path())
    for (const name of listed) assert.ok(archive.includes(name), name)
    await own.getByRole('link', { name: 'levels-0', exact: true }).click()
    await own.getByRole('heading', { level: 1, name: 'levels-0' }).waitFor()
    await own.goto(`${service.url}/account`)
    assert.match(await taken.textContent(), new RegExp(`^${Math.round(archive.length / 1000)} kB of `))

    // Prepared anew it waits for that file again, and is taken back: by its owner, then by an operator.
    elsewhere.shut()
    await own.goto(order)
    await send(own.getByRole('button', { name: 'Prepare anew levels of May' }))
    await until(own, own.getByRole('progressbar', { name: 'Progress' }))
    await send(own.getByRole('button', { name: 'Cancel levels of May' }))
    await stateOf(/^cancelled$/).waitFor()
    assert.equal(await own.getByRole('link', { name: /^Fetch|List of files/ }).count(), 0)
    await asOperator('Prepare anew')
    await asOperator('Cancel')
    await row.filter({ hasText: 'cancelled' }).waitFor()
    elsewhere.open()
    await asOperator('Prepare anew')
    await own.reload()
    await until(own, stateOf(/^ready$/))
    judge()
    await close()
  })
})
