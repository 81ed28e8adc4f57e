// Issuers of accounts: a certified OpenID Connect provider, one whose tokens say whatever a test wants, and one whose answers do.

import { createServer } from 'node:http'

import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { OAuth2Server } from 'oauth2-mock-server'
import Provider from 'oidc-provider'

/** Client and audience that the services under test are set up with. */
export const CLIENT = 'nilometer'
export const SECRET = 'a secret of client and issuer, long enough for both'
export const AUDIENCE = 'https://water.example/api'

async function listening() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${server.address().port}` }
}

async function rsaKey(kid) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...await exportJWK(privateKey), kid, alg: 'RS256', use: 'sig' }
}

/**
 * Opens the port of a certified provider. `serve` starts it, once the address is known to which it sends people back.
 *
 * @returns {Promise<{url: string, serve: (service: string) => Promise<void>, stop: () => Promise<void>}>}
 */
export async function certified() {
  const { server, url } = await listening()
  const serve = async (service) => {
    const provider = new Provider(url, {
      clients: [
        { client_id: CLIENT, client_secret: SECRET, redirect_uris: [`${service}/sign-in/callback`], response_types: ['code'], grant_types: ['authorization_code'] },
        { client_id: 'robot', client_secret: SECRET, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
      ],
      pkce: { required: () => true },
      conformIdTokenClaims: false,
      claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, preferred_username: `${id} of the issuer`, groups: ['nilometer-operator'] }),
      }),
      jwks: { keys: [await rsaKey('first')] },
      cookies: { keys: ['of the tests'] },
      features: {
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({ scope: 'read', audience: AUDIENCE, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
        },
      },
    })
    server.on('request', provider.callback())
  }
  const stop = () => new Promise((resolve) => {
    server.closeAllConnections()
    server.close(resolve)
  })
  return { url, serve, stop }
}

/**
 * Starts an issuer that signs anything.
 *
 * @returns {Promise<{url: string, server: OAuth2Server, sign: (change?: (header: object, payload: object) => void, kid?: string) => Promise<string>,
 *   fetched: () => number, stop: () => Promise<void>}>} `sign` makes a token that is right but for what `change` does; `fetched` counts how
 *   often somebody asked for the keys
 */
export async function hostile() {
  const server = new OAuth2Server()
  await server.issuer.keys.generate('RS256', { kid: 'first' })
  await server.start(0, '127.0.0.1')
  let count = 0
  const keys = server.issuer.keys.toJSON.bind(server.issuer.keys)
  server.issuer.keys.toJSON = (...words) => {
    count += 1
    return keys(...words)
  }
  const sign = (change = () => {}, kid = undefined) => server.issuer.buildToken({
    kid,
    scopesOrTransform: (header, payload) => {
      Object.assign(payload, { sub: 'ana', aud: AUDIENCE, scope: 'read', preferred_username: 'ana' })
      change(header, payload)
    },
  })
  return { url: server.issuer.url, server, sign, fetched: () => count, stop: () => server.stop() }
}

/**
 * Starts an issuer whose every answer a test can put in the place of the right one.
 *
 * `keys` are its public keys; `answers` has a function for each path, which may be replaced; `asked` counts requests by path; `sign` makes a
 * right token by a key that `grow` made, which need not be among `keys`.
 */
export async function scripted() {
  const { server, url } = await listening()
  const keys = []
  const secrets = {}
  const asked = {}
  const json = (response, value) => response.setHeader('content-type', 'application/json').end(typeof value === 'string' ? value : JSON.stringify(value))
  const description = {
    issuer: url, jwks_uri: `${url}/jwks`, authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token`,
  }
  const answers = {
    '/.well-known/openid-configuration': (response) => json(response, description),
    '/jwks': (response) => json(response, { keys }),
    '/token': (response) => response.writeHead(400).end(),
  }
  server.on('request', (request, response) => {
    const { pathname } = new URL(request.url, url)
    asked[pathname] = (asked[pathname] ?? 0) + 1
    const answer = answers[pathname] ?? ((to) => to.writeHead(404).end())
    request.resume().on('end', () => answer(response))
  })
  const grow = async (kid) => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
    secrets[kid] = privateKey
    return { ...await exportJWK(publicKey), kid, alg: 'EdDSA', use: 'sig' }
  }
  const sign = (kid) => new SignJWT({ scope: 'read', preferred_username: 'ana' })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid })
    .setIssuer(url).setAudience(AUDIENCE).setSubject('ana').setIssuedAt().setExpirationTime('1h').sign(secrets[kid])
  const stop = () => new Promise((resolve) => {
    server.closeAllConnections()
    server.close(resolve)
  })
  return { url, keys, answers, asked, description, json, grow, sign, stop }
}
