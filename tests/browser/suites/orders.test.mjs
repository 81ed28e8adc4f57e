// From a search to the files: basket, order, progress and download; the pages of keys, licences and what there is to look after.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'

import { checkAxe, launch } from '../support/browser.mjs'
import { AUDIENCE, CLIENT, SECRET, certified } from '../support/issuers.mjs'
import { start } from '../support/server.mjs'

const FILES = 3

describe('somebody who is signed in', () => {
  let issuer
  let service
  let browser
  let page
  let store

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

  async function fill(id, count, more = {}) {
    await ask('POST', '/collections', collection(id, more))
    for (let number = 0; number < count; number += 1) {
      writeFileSync(path.join(store, `${id}-${number}.bin`), `${id} ${number}\n`.repeat(100))
      await ask('POST', `/collections/${id}/items`, {
        type: 'Feature', stac_version: '1.1.0', id: `${id}-${number}`, collection: id, links: [],
        geometry: { type: 'Point', coordinates: [number, number] }, bbox: [number, number, number, number],
        properties: { datetime: '2024-01-01T00:00:00Z' }, assets: { data: { href: `${id}-${number}.bin`, roles: ['data'] } },
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
    service = await start({
      'oidc.issuer': issuer.url, 'oidc.client_id': CLIENT, 'oidc.client_secret': SECRET, 'oidc.audience': AUDIENCE, 'oidc.name': 'Water Id',
      'stores.disk.kind': 'directory', 'stores.disk.root': store,
    })
    await issuer.serve(service.url)
    await fill('granules', FILES)
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
    await page.getByRole('definition').filter({ hasText: /^(waits|is being prepared.*|ready)$/ }).waitFor()
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
    await page.getByRole('row', { name: /flood of January.*(waits|is being prepared|ready)/ }).waitFor()
  })
})
