// Every page, in both languages and on both screens: no fault, nothing for axe to find, nothing wider than the screen,
// and the same with scripts off.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PHONE, WIDE, checkAxe, useBrowser } from '../support/browser.mjs'

const browser = useBrowser()

/** Path, level-one heading in English and in French; what is not said is 200. */
const PAGES = [
  ['/', /Nilometer|water/i, /Nilometer|eau/i],
  ['/collections', /^Collections$/, /^Collections$/],
  ['/collections/hydat-stations', /Hydrometric stations of Canada/, /Stations hydrométriques du Canada/],
  ['/collections/lakes/items?limit=5', /^Search$/, /^Recherche$/],
  ['/search?q=seine', /Search|result/i, /Recherche|résultat/i],
  ['/swot/passes', /SWOT/, /SWOT/],
  ['/swot/passes?point=37.3,12.0', /SWOT/, /SWOT/],
  ['/conformance?f=html', /Conformance/, /Conformité/],
  ['/api.html', /API/, /API/],
  ['/pages/legal', /^Legal notice$/, /^Mentions légales$/],
  ['/pages/accessibility', /^Accessibility$/, /^Accessibilité$/],
  ['/pages/privacy', /^Privacy$/, /^Confidentialité$/],
  ['/collections/lakes/items/lake-victoria', /^Lake Victoria$/, /^Lake Victoria$/],
  ['/swot/passes?where=atlantis', /SWOT/, /SWOT/, 400],
  ['/search?bbox=1,2', /^Search$/, /^Recherche$/, 400],
  ['/tiles?f=html', /^Vector tiles$/, /^Tuiles vectorielles$/],
  ['/tiles/WebMercatorQuad?f=html', /^Tileset$/, /^Jeu de tuiles$/],
  ['/tileMatrixSets/WebMercatorQuad?f=html', /^Tile matrix set$/, /^Grille de tuiles$/],
  ['/sign-in', /^Sign in$/, /^Se connecter$/],
  ['/sign-up', /^Make an account$/, /^Créer un compte$/],
  ['/password/forgot', /^Password forgotten$/, /^Mot de passe oublié$/],
  ['/nowhere', /Not found/i, /Introuvable/, 404],
]

// Each language on one screen and in one theme, so that every page is seen in all of them.
const VIEWS = [{ language: 'en', size: WIDE, theme: 'light' }, { language: 'fr', size: PHONE, theme: 'dark', maps: false }]

for (const [path, english, french, status = 200] of PAGES) {
  for (const view of VIEWS) {
    test(`${path} is whole, accessible and fits the screen (${view.language})`, async () => {
      await browser.with(path, { ...view, status }, async (page) => {
        await page.getByRole('heading', { level: 1, name: view.language === 'en' ? english : french }).waitFor()
        assert.equal(await page.locator('html').getAttribute('lang'), view.language)
        await page.waitForLoadState('networkidle')
        await checkAxe(page)
        await fits(page)
      })
    })
  }
  test(`${path} says its piece without scripts`, async () => {
    await browser.with(path, { scripts: false, status, size: WIDE }, async (page) => {
      await page.getByRole('heading', { level: 1, name: english }).waitFor()
      await page.getByRole('contentinfo').waitFor()
    })
  })
}

/** Nothing reaches beyond the right edge of the page. */
async function fits(page) {
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  assert.ok(content <= screen, `${page.url()} is ${content} pixels wide on a screen of ${screen}`)
}
