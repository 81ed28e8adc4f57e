// Accounts of outside issuers, and the pages of accounts, by people and by programs.

import assert from 'node:assert/strict'
import { createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { checkAxe, launch } from '../support/browser.mjs'
import { AUDIENCE, CLIENT, SECRET, certified, hostile } from '../support/issuers.mjs'
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
