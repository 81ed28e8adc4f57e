// Accounts that the service itself keeps: made by a command, opened by letters, signed in on its pages.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { run } from './server.mjs'

/** Far above what a letter takes: only one that never comes fails. */
const LETTER_WITHIN_MS = 30_000

/** Makes an account by a command; the link that sets its password. */
export function invited(service, name, role) {
  const told = run('admin', 'user', 'add', '--data', service.data, '--name', name, '--email', addressOf(name), '--role', role)
  // The command knows no address of the running service.
  const { pathname, search } = new URL(told.trim().split('\n').at(-1))
  return `${service.url}${pathname}${search}`
}

/** Where somebody gets letters. */
export const addressOf = (name) => `${name}@water.example`

/** The link in the letter of this subject to somebody, once it is there. */
export async function letterLink(service, name, subject) {
  const folder = path.join(service.data, 'mail')
  const end = Date.now() + LETTER_WITHIN_MS
  for (;;) {
    const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.eml')) : []
    const letters = files.map((file) => readFileSync(path.join(folder, file), 'utf8'))
    const letter = letters.find((text) => text.includes(`To: ${addressOf(name)}\r\n`) && text.includes(`Subject: ${subject}\r\n`))
    if (letter) return letter.match(/^http\S+/m)[0]
    if (Date.now() > end) throw new Error(`no letter "${subject}" to ${name}`)
    await pause(50)
  }
}

/** Fills in the form of the page of signing in. */
export async function signIn(page, name, password) {
  await page.getByLabel('Mail address').fill(addressOf(name))
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
}

/** Chooses a password on the page that a link leads to, and signs in with it. */
export async function enter(page, link, name, password) {
  await page.goto(link)
  await page.getByRole('heading', { level: 1, name: 'Choose a new password' }).waitFor()
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Set the password' }).click()
  await page.getByRole('heading', { level: 1, name: 'The password is changed' }).waitFor()
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await signIn(page, name, password)
  await page.getByRole('heading', { level: 1, name: 'Account' }).waitFor()
}
