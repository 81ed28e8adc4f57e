// Accounts of outside issuers and of the service itself, and the pages of accounts, by people and by programs.

import assert from 'node:assert/strict'
import { createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { Agent, get } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { addressOf, enter, invited, letterLink, signIn } from '../support/accounts.mjs'
import { checkAxe, launch, openIn } from '../support/browser.mjs'
import { AUDIENCE, CLIENT, SECRET, certified, hostile, scripted } from '../support/issuers.mjs'
import { send } from '../support/page.mjs'
import { start } from '../support/server.mjs'

const settings = (issuer) => ({
  'oidc.issuer': issuer, 'oidc.client_id': CLIENT, 'oidc.client_secret': SECRET, 'oidc.audience': AUDIENCE, 'oidc.name': 'Water Id',
})

async function withToken(service, token, method = 'GET', path = '/account', body = undefined) {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json', ...(body ? { 'content-type': 'application/json' } : {}) }
  return fetch(`${service.url}${path}`, { method, headers, body: body && JSON.stringify(body) })
}

/** Asks over a connection that is kept, with as little work of our own as can be; the status. */
function ask(service, token, agent, path = '/account') {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
  return new Promise((resolve, reject) => {
    const request = get(`${service.url}${path}`, { agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    request.on('error', reject)
  })
}

/** Milliseconds of each of some requests, one after another, sorted. */
async function timed(times, request) {
  const all = []
  for (let i = 0; i < times; i += 1) {
    const begun = performance.now()
    await request()
    all.push(performance.now() - begun)
  }
  return all.sort((a, b) => a - b)
}

/** Sorted times in words. The least tells most where other programs want the processor too. */
function told(sorted) {
  const [least, middle, largest] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((ms) => ms.toFixed(2))
  return `median ${middle} ms, largest ${largest} ms, least ${least} ms`
}

/** A value of the metrics. */
async function metric(service, name) {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  return Number(text.split('\n').find((line) => line.replace('{}', '').startsWith(`nilometer_${name} `))?.split(' ').at(-1))
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
  // Longest answer of an issuer, and number of its keys, that are taken; longest token.
  const ANSWER_BYTES_MAX = 64 << 10
  const KEYS_MAX = 32
  const TOKEN_BYTES_MAX = 16 << 10
  let issuer
  let service
  // An issuer that sends on to a stranger, and one that is right at first; each with a service of its own, since keys are asked for
  // twice a minute at most.
  let misled
  let stranger
  let spoilt
  let misledService
  let spoiltService
  let opened
  before(async () => {
    opened = Date.now()
    ;[issuer, misled, stranger, spoilt] = await Promise.all([hostile(), scripted(), scripted(), scripted()])
    ;[service, misledService, spoiltService] = await Promise.all([
      start(settings(issuer.url)),
      // While nothing is known of an issuer, tokens are a 503.
      start(settings(misled.url), ['status=503']),
      start(settings(spoilt.url)),
    ])
    misled.keys.push(await misled.grow('first'))
    spoilt.keys.push(await spoilt.grow('first'))
  })
  after(async () => {
    // One that ends badly leaves no other running.
    const ends = await Promise.allSettled([service, misledService, spoiltService, misled, stranger, spoilt].map((each) => each?.stop()))
    if (issuer?.server.listening) await issuer.stop()
    for (const { status, reason } of ends) if (status === 'rejected') throw reason
  })

  test('nobody is asked whom the issuer sends on to', async () => {
    const discovery = '/.well-known/openid-configuration'
    // The stranger tells what the issuer itself would: whoever asked it would be content.
    stranger.answers[discovery] = (response) => stranger.json(response, misled.description)
    stranger.answers['/jwks'] = (response) => stranger.json(response, { keys: misled.keys })
    const right = { ...misled.answers }
    const sent = (status, path) => (response) => response.writeHead(status, { location: `${stranger.url}${path}` }).end()
    const begin = () => fetch(`${misledService.url}/sign-in/issuer`, { redirect: 'manual', headers: { accept: 'application/json' } })
    const statuses = [301, 302, 303, 307, 308]
    for (const status of statuses) {
      misled.answers[discovery] = sent(status, discovery)
      assert.equal((await begin()).status, 503, `a description by ${status}`)
    }
    misled.answers[discovery] = (response) => misled.json(response, JSON.stringify(misled.description).padEnd(ANSWER_BYTES_MAX + 1))
    assert.equal((await begin()).status, 503, 'a description too long')
    assert.equal(misled.asked[discovery], statuses.length + 1)
    misled.answers[discovery] = (response) => misled.json(response, JSON.stringify(misled.description).padEnd(ANSWER_BYTES_MAX))
    const begun = await begin()
    assert.equal(begun.status, 303, 'one of just that length')

    // The code and the client's secret are for the issuer alone.
    const state = new URL(begun.headers.get('location')).searchParams.get('state')
    const cookie = begun.headers.get('set-cookie').split(';')[0]
    misled.answers['/token'] = sent(307, '/token')
    const back = await fetch(`${misledService.url}/sign-in/callback?code=a&state=${state}`, { headers: { cookie, accept: 'text/html' } })
    assert.deepEqual([back.status, misled.asked['/token']], [401, 1])

    misled.answers['/jwks'] = sent(302, '/jwks')
    const answer = await withToken(misledService, await misled.sign('first'))
    assert.deepEqual([answer.status, misled.asked['/jwks']], [503, 1])
    assert.match((await answer.json()).type, /\/problems\/issuer-unavailable$/)
    assert.deepEqual(stranger.asked, {}, 'somebody asked the stranger')
    assert.equal((await fetch(`${stranger.url}/jwks`)).status, 200)
    Object.assign(misled.answers, right)
    // From now on this one's keys are known.
    assert.equal((await withToken(spoiltService, await spoilt.sign('first'))).status, 200)
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

  test('no token passes that is not exactly right', async (t) => {
    const now = Math.floor(Date.now() / 1000)
    const claim = (name, value) => issuer.sign((_, payload) => { payload[name] = value })
    const head = (name, value) => issuer.sign((header) => { header[name] = value })
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const payload = { iss: issuer.url, aud: AUDIENCE, sub: 'ana', exp: now + 600, scope: 'read' }
    const unsigned = (alg, signature = '') => `${part({ alg, kid: 'first', typ: 'JWT' })}.${part(payload)}.${signature}`
    const [jwk] = issuer.server.issuer.keys.toJSON()
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    const confused = unsigned('HS256').slice(0, -1)
    const mac = (key, text) => createHmac('sha256', key).update(text).digest('base64url')
    const right = await issuer.sign()
    const traversing = `${part({ alg: 'HS256', kid: '../../../../dev/null', typ: 'JWT' })}.${part(payload)}`
    /** A token of so many bytes, or a few less. */
    const sized = async (bytes) => {
      const filled = (length) => issuer.sign((_, all) => { all.filling = 'x'.repeat(length) })
      const length = Math.floor((bytes - (await filled(0)).length) / 4) * 3
      return filled(length)
    }
    const corpus = {
      'alg none': unsigned('none'), 'alg nOnE': unsigned('nOnE'), 'HS256 with the public key': `${confused}.${mac(pem, confused)}`,
      'HS256 with its JSON': `${confused}.${mac(JSON.stringify(jwk), confused)}`, 'HS256 with its modulus': `${confused}.${mac(jwk.n, confused)}`,
      'HS256 with an empty file': `${traversing}.${mac('', traversing)}`,
      'another algorithm for the signature': unsigned('ES256', right.split('.')[2]),
      'no signature': right.replace(/[^.]*$/, ''), 'a changed payload': right.replace(/\.[^.]*\./, `.${part(payload)}.`),
      'kid traversal': await head('kid', '../../../../dev/null'), 'kid injection': await head('kid', "first' OR '1'='1"),
      'a key of its own': await head('jwk', jwk), 'an address of keys': await head('jku', `${issuer.url}/jwks`),
      'a certificate': await head('x5u', 'https://evil.example/'),
      'expired': await claim('exp', now - 60), 'no end': await claim('exp', undefined), 'an end in words': await claim('exp', String(now + 600)),
      'an end in a list': await claim('exp', [now + 600]), 'an end that is true': await claim('exp', true),
      'an end that is nothing': await claim('exp', null), 'an end in an object': await claim('exp', { value: now + 600 }),
      'not yet': await claim('nbf', now + 600), 'made tomorrow': await claim('iat', now + 86_400),
      'another issuer': await claim('iss', 'https://evil.example'), 'a list of issuers': await claim('iss', [issuer.url]),
      'another audience': await claim('aud', 'https://other.example'), 'no audience': await claim('aud', undefined),
      'an ID token': await claim('aud', CLIENT), 'an ID token for both': await issuer.sign((_, all) => Object.assign(all, { aud: [CLIENT, AUDIENCE], nonce: 'n' })),
      'a refresh token': await claim('typ', 'Refresh'), 'nobody': await claim('sub', ''), 'a number': await claim('sub', 7),
      'a kid of a number': await head('kid', 1), 'a kid in a list': await head('kid', ['first']), 'too long by a little': await sized(TOKEN_BYTES_MAX + 8),
      'no token at all': 'a.b.c', 'nothing': '..',
    }
    for (const [what, token] of Object.entries(corpus)) {
      const answer = await withToken(service, token)
      assert.equal(answer.status, 401, what)
      assert.match((await answer.json()).type, /\/problems\/(token|key)-refused$/, what)
    }
    assert.ok(corpus['too long by a little'].length > TOKEN_BYTES_MAX)
    const longest = await sized(TOKEN_BYTES_MAX)
    assert.ok(longest.length > TOKEN_BYTES_MAX - 8 && longest.length <= TOKEN_BYTES_MAX, String(longest.length))
    assert.equal((await withToken(service, longest)).status, 200)
    // A megabyte does not get past the limit on headers, however right it is.
    const million = await sized(1 << 20)
    let huge
    const cut = await timed(5, async () => { huge = await withToken(service, million).then(({ status }) => status, () => 'broken off') })
    assert.ok([401, 431, 'broken off'].includes(huge), String(huge))
    assert.equal((await withToken(service, right)).status, 200)

    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const of = []
    for (const [what, token] of Object.entries(corpus)) of.push([what, await timed(7, () => ask(service, token, agent))])
    of.sort(([, a], [, b]) => b[3] - a[3])
    t.diagnostic(`refusals of ${of.length} tokens, 7 times each: ${told(of.flatMap(([, times]) => times).sort((a, b) => a - b))}`)
    t.diagnostic(`the slowest of them by its median, ${of[0][0]}: ${told(of[0][1])}`)
    t.diagnostic(`a megabyte (${huge}): ${told(cut)}`)
    t.diagnostic(`for comparison, a right token: ${told(await timed(20, () => ask(service, right, agent)))}`)
    t.diagnostic(`for comparison, /livez without any: ${told(await timed(20, () => ask(service, '', agent, '/livez')))}`)
    agent.destroy()
  })

  test('a flood of unknown keys costs the issuer next to nothing', async (t) => {
    const [CONNECTIONS, LASTS_MS, REQUESTS_MIN] = [16, 2_500, 400]
    const asked = issuer.fetched()
    const token = await issuer.sign()
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    const failures = await metric(service, 'auth_failures_total{reason="token"}')
    const begun = performance.now()
    let count = 0
    const flood = async () => {
      while (performance.now() - begun < LASTS_MS || count < REQUESTS_MIN) {
        const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: randomUUID() })).toString('base64url')
        assert.equal(await ask(service, token.replace(/^[^.]*/, header), agent), 401)
        count += 1
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, flood))
    const took = (performance.now() - begun) / 1e3
    agent.destroy()
    const fetches = issuer.fetched() - asked
    t.diagnostic(`${count} requests with unknown keys over ${CONNECTIONS} connections in ${took.toFixed(1)} s, ${Math.round(count / took)} a second`)
    t.diagnostic(`the issuer was asked ${fetches} times meanwhile`)
    assert.ok(fetches <= 1 + Math.floor(took / 30), `${fetches} requests`)
    // The issuer counts requests for its description too.
    const refreshes = await metric(service, 'jwks_refresh_total{result="ok"}')
    assert.ok(refreshes >= 1 && refreshes <= issuer.fetched(), `${refreshes} refreshes`)
    assert.ok(await metric(service, 'jwks_age_seconds') <= 600)
    assert.equal(await metric(service, 'auth_failures_total{reason="token"}') - failures, count)
  })

  test('a new key counts within 30 seconds, and known ones while the issuer is down', async (t) => {
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
    t.diagnostic(`the new key counts after ${((Date.now() - begun) / 1e3).toFixed(1)} s; a fetch comes 30 s after the last one at the soonest`)
    const refreshes = await metric(service, 'jwks_refresh_total{result="ok"}')
    const lasted = (Date.now() - opened) / 1e3
    t.diagnostic(`the keys were asked for ${refreshes} times in ${lasted.toFixed(0)} s, flood and all`)
    assert.ok(refreshes <= 1 + Math.floor(lasted / 30), `${refreshes} times in ${lasted} s`)
    const known = await issuer.sign(() => {}, 'first')
    await issuer.stop()
    for (const token of [known, rotated]) assert.equal((await withToken(service, token)).status, 200)
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: 'third' })).toString('base64url')
    assert.equal((await withToken(service, known.replace(/^[^.]*/, header))).status, 401)
  })

  test('of too many keys the first count, and too long a set changes nothing', async () => {
    // Half a minute has passed since these issuers were asked last, or nearly.
    const until = async (isSo) => {
      for (const end = Date.now() + 33_000; !await isSo(); await pause(500)) assert.ok(Date.now() < end, 'the issuer is not asked again')
    }
    const names = Array.from({ length: KEYS_MAX + 1 }, (_, at) => `key-${at}`)
    const keys = await Promise.all(names.map(misled.grow))
    // What is no key for signatures takes nobody's place.
    const others = [{ ...await misled.grow('for secrets'), use: 'enc' }, { kty: 'oct', kid: 'shared', k: 'c2VjcmV0' }]
    misled.answers['/jwks'] = (response) => misled.json(response, JSON.stringify({ keys: [...others, ...keys] }).padEnd(ANSWER_BYTES_MAX))
    const first = await misled.sign(names[0])
    await until(async () => (await withToken(misledService, first)).status === 200)
    const statuses = await Promise.all(names.map(async (name) => (await withToken(misledService, await misled.sign(name))).status))
    assert.deepEqual(statuses, names.map((_, at) => (at < KEYS_MAX ? 200 : 401)))
    assert.equal((await withToken(misledService, await misled.sign('for secrets'))).status, 401)
    assert.equal(misled.asked['/jwks'], 2)

    const second = await spoilt.grow('second')
    spoilt.answers['/jwks'] = (response) => spoilt.json(response, JSON.stringify({ keys: [...spoilt.keys, second] }).padEnd(ANSWER_BYTES_MAX + 1))
    const [known, fresh] = [await spoilt.sign('first'), await spoilt.sign('second')]
    await until(async () => {
      assert.equal((await withToken(spoiltService, fresh)).status, 401)
      return spoilt.asked['/jwks'] === 2
    })
    assert.equal((await withToken(spoiltService, known)).status, 200)
    const refreshes = await Promise.all(['ok', 'failed'].map((result) => metric(spoiltService, `jwks_refresh_total{result="${result}"}`)))
    assert.deepEqual(refreshes, [1, 1])
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
