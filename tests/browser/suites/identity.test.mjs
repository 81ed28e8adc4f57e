// Accounts of outside issuers and of the service itself, and the pages of accounts, by people and by programs.

import assert from 'node:assert/strict'
import { createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { addressOf, enter, invited, letterLink, signIn } from '../support/accounts.mjs'
import { checkAxe, launch, openIn } from '../support/browser.mjs'
import { AUDIENCE, CLIENT, SECRET, certified, hostile } from '../support/issuers.mjs'
import { send } from '../support/page.mjs'
import { start } from '../support/server.mjs'

const settings = (issuer) => ({
  'oidc.issuer': issuer, 'oidc.client_id': CLIENT, 'oidc.client_secret': SECRET, 'oidc.audience': AUDIENCE, 'oidc.name': 'Water Id',
})

async function withToken(service, token, method = 'GET', path = '/account', body = undefined) {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json', ...(body ? { 'content-type': 'application/json' } : {}) }
  return fetch(`${service.url}${path}`, { method, headers, body: body && JSON.stringify(body) })
}

describe('a certified provider', () => {
  let issuer
  let service
  let browser
  before(async () => {
    issuer = await certified()
    service = await start(settings(issuer.url))
    await issuer.serve(service.url)
    browser = await launch(false)
  })
  after(async () => {
    await browser?.close()
    await service?.stop()
    await issuer?.stop()
  })

  test('a person signs in there, is an operator here, and signs out', async () => {
    const context = await browser.newContext({ locale: 'en-GB' })
    const page = await context.newPage()
    // The provider's pages ask for fonts of elsewhere.
    await page.route('**/*', (route) => {
      const own = [issuer.url, service.url].some((url) => route.request().url().startsWith(url))
      return own ? route.continue() : route.abort()
    })
    await page.goto(`${service.url}/account`)
    await page.getByRole('link', { name: 'Sign in with Water Id' }).click()
    await page.locator('input[name=login]').fill('ana')
    await page.locator('input[name=password]').fill('any')
    await page.locator('button[type=submit]').click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { level: 1, name: 'Account' }).waitFor()
    assert.equal(new URL(page.url()).origin, service.url)
    await page.getByRole('definition').filter({ hasText: 'operator' }).waitFor()
    await page.getByRole('navigation', { name: 'Account' }).getByText('ana of the issuer').waitFor()
    await checkAxe(page)
    const cookie = (await context.cookies(service.url)).find(({ name }) => name === 'nilometer')
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Lax' && cookie.path === '/', JSON.stringify(cookie))
    assert.ok(!(await context.cookies(service.url)).some(({ name }) => name === 'nilometer-sign-in'), 'what was remembered is gone')
    await page.getByRole('link', { name: 'Keys', exact: true }).click()
    await page.getByRole('textbox', { name: 'Name of the new key' }).fill('laptop')
    await page.getByRole('button', { name: 'Make a key' }).click()
    const key = await page.locator('#new-key').textContent()
    assert.equal((await withToken(service, key)).status, 200)
    await page.getByRole('button', { name: 'Revoke laptop' }).click()
    await page.getByText('revoked').waitFor()
    assert.equal((await withToken(service, key)).status, 401)
    for (const [name, heading] of [['Accounts', 'Accounts'], ['Groups', 'Groups']]) {
      await page.goto(`${service.url}/admin`)
      await page.getByRole('main').getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { level: 1, name: heading }).waitFor()
      await checkAxe(page)
    }
    await page.goto(`${service.url}/account`)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    assert.equal((await page.goto(`${service.url}/account`)).url(), `${service.url}/sign-in?next=%2Faccount`)
    await context.close()
  })

  test('an answer that this browser did not begin is refused', async () => {
    const begun = await fetch(`${service.url}/sign-in/issuer?next=//evil.example`, { redirect: 'manual' })
    assert.equal(begun.status, 303)
    const to = new URL(begun.headers.get('location'))
    assert.equal(to.origin, issuer.url)
    assert.equal(to.searchParams.get('code_challenge_method'), 'S256')
    assert.equal(to.searchParams.get('redirect_uri'), `${service.url}/sign-in/callback`)
    assert.ok(to.searchParams.get('nonce').length >= 43 && to.searchParams.get('state').length >= 43)
    const cookie = begun.headers.get('set-cookie').split(';')[0]
    const state = to.searchParams.get('state')
    for (const [sent, query] of [
      ['', `code=a&state=${state}`],
      [cookie, 'code=a&state=another'],
      [cookie, 'code=a'],
      [cookie, `code=a&state=${state}&iss=https://evil.example`],
      [cookie, `error=access_denied&state=${state}`],
      [cookie, `code=invented&state=${state}`],
      [`${cookie}0`, `code=a&state=${state}`],
    ]) {
      const answer = await fetch(`${service.url}/sign-in/callback?${query}`, { headers: { cookie: sent, accept: 'text/html' } })
      assert.equal(answer.status, 401, query)
      assert.ok(!answer.headers.getSetCookie().some((line) => /^nilometer=./.test(line)), query)
    }
  })

  test('a program comes with an access token', async () => {
    const form = new URLSearchParams({ grant_type: 'client_credentials', resource: AUDIENCE, scope: 'read' })
    const ask = (body) => fetch(`${issuer.url}/token`, {
      method: 'POST', body, headers: { authorization: `Basic ${Buffer.from(`robot:${encodeURIComponent(SECRET)}`).toString('base64')}` },
    })
    const { access_token: token } = await (await ask(form)).json()
    assert.equal(token.split('.').length, 3, 'a JWT')
    const answer = await withToken(service, token)
    assert.equal(answer.status, 200, await answer.clone().text())
    const account = await answer.json()
    assert.equal(account.role, 'user')
    assert.deepEqual(account.issuers, [issuer.url])
    form.delete('resource')
    const { access_token: opaque } = await (await ask(form)).json()
    if (opaque) assert.equal((await withToken(service, opaque)).status, 401)
  })
})

describe('a hostile issuer', () => {
  let issuer
  let service
  before(async () => {
    issuer = await hostile()
    service = await start(settings(issuer.url))
  })
  after(async () => {
    await service?.stop()
    if (issuer?.server.listening) await issuer.stop()
  })

  test('roles of the realm count', async () => {
    const user = await issuer.sign()
    assert.equal((await (await withToken(service, user)).json()).role, 'user')
    const body = { id: 'written', title: 't', description: 'd' }
    assert.equal((await withToken(service, user, 'POST', '/collections', body)).status, 403)
    const operator = await issuer.sign((_, payload) => { payload.realm_access = { roles: ['nilometer-operator'] } })
    assert.equal((await withToken(service, operator, 'POST', '/collections', body)).status, 201)
    const administrator = await issuer.sign((_, payload) => { payload.resource_access = { [CLIENT]: { roles: ['nilometer-administrator'] } } })
    assert.equal((await withToken(service, administrator, 'GET', '/admin/audit')).status, 200)
  })

  test('no token passes that is not exactly right', async () => {
    const now = Math.floor(Date.now() / 1000)
    const claim = (name, value) => issuer.sign((_, payload) => { payload[name] = value })
    const head = (name, value) => issuer.sign((header) => { header[name] = value })
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const payload = { iss: issuer.url, aud: AUDIENCE, sub: 'ana', exp: now + 600, scope: 'read' }
    const unsigned = (alg, signature = '') => `${part({ alg, kid: 'first', typ: 'JWT' })}.${part(payload)}.${signature}`
    const [jwk] = issuer.server.issuer.keys.toJSON()
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    const confused = unsigned('HS256').slice(0, -1)
    const mac = createHmac('sha256', pem).update(confused).digest('base64url')
    const right = await issuer.sign()
    const corpus = {
      'alg none': unsigned('none'), 'alg nOnE': unsigned('nOnE'), 'HS256 with the public key': `${confused}.${mac}`,
      'another algorithm for the signature': unsigned('ES256', right.split('.')[2]),
      'no signature': right.replace(/[^.]*$/, ''), 'a changed payload': right.replace(/\.[^.]*\./, `.${part(payload)}.`),
      'kid traversal': await head('kid', '../../../../dev/null'), 'kid injection': await head('kid', "first' OR '1'='1"),
      'a key of its own': await head('jwk', jwk), 'an address of keys': await head('jku', `${issuer.url}/jwks`),
      'a certificate': await head('x5u', 'https://evil.example/'),
      'expired': await claim('exp', now - 60), 'no end': await claim('exp', undefined), 'an end in words': await claim('exp', String(now + 600)),
      'an end in a list': await claim('exp', [now + 600]), 'an end that is true': await claim('exp', true),
      'not yet': await claim('nbf', now + 600), 'made tomorrow': await claim('iat', now + 86_400),
      'another issuer': await claim('iss', 'https://evil.example'), 'a list of issuers': await claim('iss', [issuer.url]),
      'another audience': await claim('aud', 'https://other.example'), 'no audience': await claim('aud', undefined),
      'an ID token': await claim('aud', CLIENT), 'an ID token for both': await issuer.sign((_, all) => Object.assign(all, { aud: [CLIENT, AUDIENCE], nonce: 'n' })),
      'a refresh token': await claim('typ', 'Refresh'), 'nobody': await claim('sub', ''), 'a number': await claim('sub', 7),
      'no token at all': 'a.b.c', 'nothing': '..',
    }
    for (const [what, token] of Object.entries(corpus)) {
      const answer = await withToken(service, token)
      assert.equal(answer.status, 401, what)
      assert.match((await answer.json()).type, /\/problems\/(token|key)-refused$/, what)
    }
    // A megabyte does not get past the limit on headers.
    const huge = await withToken(service, `${'A'.repeat(1 << 20)}.B.C`).then(({ status }) => status, () => 'broken off')
    assert.ok([401, 431, 'broken off'].includes(huge), String(huge))
    assert.equal((await withToken(service, right)).status, 200)
  })

  test('a flood of unknown keys costs the issuer next to nothing', async () => {
    const asked = issuer.fetched()
    const token = await issuer.sign()
    const flood = Array.from({ length: 400 }, () => {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: randomUUID() })).toString('base64url')
      return withToken(service, token.replace(/^[^.]*/, header))
    })
    for (const answer of await Promise.all(flood)) assert.equal(answer.status, 401)
    assert.ok(issuer.fetched() - asked <= 1, `${issuer.fetched() - asked} requests`)
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    const value = (name) => Number(metrics.match(new RegExp(`^nilometer_${name}(?:\\{\\})? (\\S+)$`, 'm'))?.[1])
    // The issuer counts requests for its description too.
    const refreshes = value('jwks_refresh_total\\{result="ok"\\}')
    assert.ok(refreshes >= 1 && refreshes <= issuer.fetched(), metrics)
    assert.ok(value('jwks_age_seconds') <= 600, metrics)
    assert.ok(value('auth_failures_total\\{reason="token"\\}') >= 400, metrics)
  })

  test('a new key counts within 30 seconds, and known ones while the issuer is down', async () => {
    await issuer.server.issuer.keys.generate('ES256', { kid: 'second' })
    const begun = Date.now()
    const rotated = await issuer.sign(() => {}, 'second')
    for (;;) {
      const { status } = await withToken(service, rotated)
      if (status === 200) break
      assert.equal(status, 401)
      assert.ok(Date.now() - begun < 33_000, 'the new key does not count')
      await pause(500)
    }
    const known = await issuer.sign(() => {}, 'first')
    await issuer.stop()
    for (const token of [known, rotated]) assert.equal((await withToken(service, token)).status, 200)
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: 'third' })).toString('base64url')
    assert.equal((await withToken(service, known.replace(/^[^.]*/, header))).status, 401)
  })
})

describe('a service that keeps its own accounts', () => {
  const FIRST = 'nine herons below the weir'
  const SECOND = 'no boat passes in August'
  let service
  let browser
  before(async () => {
    service = await start()
    browser = await launch(false)
  })
  after(async () => {
    await browser?.close()
    await service?.stop()
  })

  /** A browser of somebody who is not signed in, on the page that asks who they are. */
  async function visitor() {
    const session = await openIn(browser, '/account', { base: service.url })
    // The console tells of refusals, and why there is no map.
    for (const known of ['status of 40', 'WebGL']) session.allow(known)
    return session
  }

  const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  const refusal = (page, text) => page.getByRole('alert').filter({ hasText: text }).waitFor()

  test('somebody signs up by a letter, forgets the password, and chooses another by a letter', async () => {
    const { page, judge, close } = await visitor()
    await page.getByRole('link', { name: 'Make an account' }).click()
    await page.getByLabel('Mail address').fill(addressOf('cleo'))
    await page.getByLabel('Password', { exact: true }).fill('river')
    await page.getByRole('button', { name: 'Make an account' }).click()
    await refusal(page, /at least 10 characters/)
    assert.equal(await page.getByLabel('Mail address').inputValue(), addressOf('cleo'), 'typed once')
    await page.getByLabel('Password', { exact: true }).fill(FIRST)
    await page.getByRole('button', { name: 'Make an account' }).click()
    await heading(page, 'Look into your mail')
    await checkAxe(page)

    // Nobody is let in before the address is confirmed, by whoever knows the password.
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
    await signIn(page, 'cleo', FIRST)
    await refusal(page, /password/)
    const confirm = await letterLink(service, 'cleo', 'Confirm your address')
    assert.equal(new URL(confirm).origin, service.url)
    await page.goto(confirm)
    await heading(page, 'Confirm your address')
    await checkAxe(page)
    await page.getByLabel('Password', { exact: true }).fill(SECOND)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await refusal(page, /password/)
    await page.getByLabel('Password', { exact: true }).fill(FIRST)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await heading(page, 'Account')
    await page.getByRole('definition').filter({ hasText: addressOf('cleo') }).waitFor()

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Password forgotten' }).click()
    await page.getByLabel('Mail address').fill(addressOf('cleo'))
    await page.getByRole('button', { name: 'Send a link' }).click()
    await heading(page, 'Look into your mail')
    const reset = await letterLink(service, 'cleo', 'Choose a new password')
    await page.goto(reset)
    await checkAxe(page)
    await enter(page, reset, 'cleo', SECOND)

    // The old password and the used link are worth nothing.
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(page, 'cleo', FIRST)
    await refusal(page, /password/)
    await page.goto(reset)
    await page.getByLabel('Password', { exact: true }).fill(FIRST)
    await page.getByRole('button', { name: 'Set the password' }).click()
    await refusal(page, /link/)
    judge()
    await close()
  })

  test('an administrator lets somebody in, grants, limits, closes and deletes, and it counts at once', async () => {
    const title = 'Levels that are not published yet'
    const made = await fetch(`${service.url}/collections`, {
      method: 'POST',
      headers: { 'x-api-key': service.key, 'content-type': 'application/json' },
      body: JSON.stringify({
        type: 'Collection', stac_version: '1.1.0', id: 'drafts', title, description: 'A test', license: 'other', links: [],
        'nilometer:access': 'hidden', extent: { spatial: { bbox: [[-180, -90, 180, 90]] }, temporal: { interval: [[null, null]] } },
      }),
    })
    assert.equal(made.status, 201, await made.clone().text())
    const [ana, ben] = [await visitor(), await visitor()]
    const [desk, seat] = [ana.page, ben.page]
    const row = desk.getByRole('row', { name: /^ben\b/ })
    const administer = async (name) => {
      await desk.goto(`${service.url}/admin`)
      await desk.getByRole('main').getByRole('link', { name, exact: true }).click()
      await heading(desk, name)
    }
    const seen = async () => (await seat.goto(`${service.url}/collections/drafts`)).status()
    const ownFact = async (text) => {
      await seat.goto(`${service.url}/account`)
      await seat.getByRole('definition').filter({ hasText: text }).waitFor()
    }

    await enter(desk, invited(service, 'ana', 'administrator'), 'ana', FIRST)
    await administer('Accounts')
    await checkAxe(desk)
    await desk.getByLabel('Name', { exact: true }).fill('ben')
    await desk.getByLabel('Mail address').fill(addressOf('ben'))
    await send(desk.getByRole('button', { name: 'Make the account' }))
    await enter(seat, await desk.getByRole('status').locator('code').textContent(), 'ben', SECOND)
    await ownFact(/^user$/)

    assert.equal(await seen(), 404)
    await administer('Groups')
    await desk.getByLabel('Name of a new group').fill('partners')
    await send(desk.getByRole('button', { name: 'Make the group' }))
    await desk.getByLabel('Name of an account').fill('ben')
    await send(desk.getByRole('button', { name: 'Take in (partners)' }))
    await ownFact(/^partners$/)
    assert.equal(await seen(), 404)
    const partners = desk.locator('section').filter({ has: desk.getByRole('heading', { name: 'partners' }) })
    await partners.getByLabel('Collection').fill('draft')
    await send(partners.getByRole('button', { name: 'Grant (partners)' }))
    await refusal(desk, /no collection/)
    await partners.getByLabel('Collection').fill('drafts')
    await partners.getByLabel('May see').selectOption({ label: 'everything' })
    await send(partners.getByRole('button', { name: 'Grant (partners)' }))
    await partners.getByRole('listitem').filter({ hasText: 'drafts: everything' }).waitFor()
    await checkAxe(desk)
    assert.equal(await seen(), 200)
    await heading(seat, title)
    await send(partners.getByRole('button', { name: 'Take back drafts (partners)' }))
    assert.equal(await partners.getByText('drafts: everything').count(), 0)
    assert.equal(await seen(), 404)

    // An operator sees all there is to look after, and changes no account.
    const setRole = async (role) => {
      await administer('Accounts')
      await row.getByRole('combobox', { name: 'Role of ben' }).selectOption({ label: role })
      await send(row.getByRole('button', { name: 'Set the role of ben' }))
      await ownFact(new RegExp(`^${role}$`))
    }
    await setRole('operator')
    assert.equal(await seen(), 200)
    await seat.goto(`${service.url}/admin/users`)
    await seat.getByRole('row', { name: /^ana\b/ }).waitFor()
    assert.equal(await seat.getByRole('button', { name: /^(Set|Close|Make|Delete)/ }).count(), 0)
    await setRole('user')
    assert.equal(await seat.getByRole('link', { name: 'Administration', exact: true }).count(), 0)
    assert.equal(await seen(), 404)

    await administer('Accounts')
    await row.getByText('Change', { exact: true }).click()
    await row.getByLabel('Bytes of files a day').fill('2500000')
    await row.getByLabel('Orders under way').fill('3')
    await send(row.getByRole('button', { name: 'Set the quotas of ben' }))
    await row.getByRole('cell', { name: /^own\b/ }).waitFor()
    await ownFact(/^0 B of 2\.5 MB, 2\.5 MB left$/)
    await ownFact(/^3$/)

    await send(row.getByRole('button', { name: 'Close ben' }))
    await row.getByRole('cell', { name: /^closed\b/ }).waitFor()
    await seat.goto(`${service.url}/account`)
    await heading(seat, 'Sign in')
    await signIn(seat, 'ben', SECOND)
    await refusal(seat, /password/)
    await send(row.getByRole('button', { name: 'Open ben' }))
    await row.getByRole('cell', { name: /^open\b/ }).waitFor()
    await signIn(seat, 'ben', SECOND)
    await heading(seat, 'Account')

    await row.getByText('Delete', { exact: true }).click()
    await send(row.getByRole('button', { name: 'Delete ben' }))
    assert.equal(await row.count(), 0)
    await seat.goto(`${service.url}/account`)
    await heading(seat, 'Sign in')

    // All of it stands in the log, the newest above.
    await administer('Audit log')
    await checkAxe(desk)
    const own = desk.getByRole('row').filter({ has: desk.getByRole('cell', { name: 'ana', exact: true }) })
    assert.deepEqual(await own.locator('code').allTextContents(), [
      'user.delete', 'user.open', 'user.close', 'user.quota', 'user.role', 'user.role', 'grant.delete', 'grant.put', 'group.add',
      'group.create', 'user.create', 'session.sign-in',
    ])
    for (const { judge, close } of [ana, ben]) {
      judge()
      await close()
    }
  })
})
