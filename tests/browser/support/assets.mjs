// What the portal's files weigh as they are sent.

import assert from 'node:assert/strict'

/** The files of the build among some addresses, each once, with their bytes in brotli. */
export async function assets(urls) {
  const own = [...new Set(urls)].filter((url) => url.includes('/assets/'))
  const all = await Promise.all(own.map(async (url) => {
    const answer = await fetch(url, { headers: { 'accept-encoding': 'br' } })
    await answer.arrayBuffer()
    return [url, Number(answer.headers.get('content-length'))]
  }))
  assert.ok(all.length > 0 && all.every(([, size]) => size > 0), JSON.stringify(all))
  return all
}

/** The sum of their bytes. */
export const bytesOf = (all) => all.reduce((bytes, [, size]) => bytes + size, 0)
