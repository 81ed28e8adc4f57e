// A person at a page: clicks and typed fields are counted. What is only read costs nothing.

import assert from 'node:assert/strict'

import { alive } from './browser.mjs'

/** Counts what is done on a page. */
export class Person {
  clicks = 0
  fields = 0

  constructor(page) {
    this.page = page
  }

  /** Clicks something; the page that it leads to is whole afterwards. */
  async click(target) {
    this.clicks += 1
    await target.click()
    await this.#settle()
  }

  /** Ticks a box, or chooses an entry of a list: one click each. */
  async choose(target, value) {
    this.clicks += 1
    if (value === undefined) await target.check()
    else await target.selectOption({ label: value })
    await this.#settle()
  }

  /** Types into a field; with Enter at the end if asked. */
  async type(target, text, { enter = false } = {}) {
    this.fields += 1
    await target.fill(text)
    if (enter) await target.press('Enter')
    await this.#settle()
  }

  /** Types into a field that suggests, and takes the first suggestion that matches. */
  async typeAndTake(target, text, suggestion) {
    this.fields += 1
    await target.pressSequentially(text)
    const option = this.page.getByRole('option', { name: suggestion }).first()
    await option.waitFor()
    this.clicks += 1
    await option.click()
    await this.#settle()
  }

  /** Searches from the first page: opens it, types what, and asks. */
  async search(what) {
    await this.type(this.page.getByLabel(/^(What|Quoi)$/), what, { enter: true })
    await this.page.waitForURL(/\/search/)
    await this.#settle()
  }

  /** Opens a result of a search by its name. */
  async open(name) {
    const link = this.page.getByRole('link', { name, exact: true }).first()
    await this.click(link)
    await this.page.getByRole('heading', { level: 1, name }).waitFor()
  }

  /** Takes a file; its text. */
  async take(target) {
    const download = this.page.waitForEvent('download')
    this.clicks += 1
    await target.click()
    const { readFile } = await import('node:fs/promises')
    const file = await readFile(await (await download).path(), 'latin1')
    assert.ok(file.length > 0)
    return file
  }

  async #settle() {
    await this.page.waitForLoadState('domcontentloaded')
    await this.page.locator('[aria-busy="true"]').waitFor({ state: 'detached' })
    await alive(this.page)
  }
}
