// The console for those who cannot see well, use no mouse, or have a phone.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { factor, until } from '../support/wait.mjs';
import { axe, Reader } from './reader.mjs';
import { scene } from './scene.mjs';

const patience = 120_000 * factor;

test('no page has a barrier, in light and dark, on a desktop and a phone', { timeout: 300_000 * factor }, async (t) => {
  const { server } = await scene(t);
  const source = await axe();
  const reader = await Reader.of(await browser(t), server, patience);
  const { page } = reader;
  for (const [name, query, shows] of [
    ['overview', {}, 'this one'], ['debug', {}, 'live'], ['channels', { app: 'shop', channel: 'presence-lobby' }, 'Members'],
    ['users', { app: 'shop' }, 'cy'], ['creator', { app: 'shop' }, 'Valid JSON.'], ['webhooks', {}, 'retrying'], ['apps', { app: 'shop' }, 'limits.max_connections'],
  ]) {
    await reader.open(name, query);
    await reader.sees(shows);
    if (name === 'debug') {
      await server.sdk.trigger('orders', 'seen', {});
      await reader.row('seen').first().getByRole('button', { expanded: false }).click();
    }
    await page.evaluate(source);
    for (const colorScheme of ['light', 'dark']) {
      for (const viewport of [{ width: 1280, height: 900 }, { width: 375, height: 720 }]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const where = `${name}, ${colorScheme}, ${viewport.width}`;
        assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], where);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, `${where}: the page scrolls sideways`);
      }
    }
  }
});

test('the keyboard is enough, and the theme is kept', { timeout: 120_000 * factor }, async (t) => {
  const { server } = await scene(t);
  const { page } = await Reader.of(await browser(t), server, patience);
  await page.goto(server.console + '#/channels?app=shop');
  await page.getByRole('link', { name: 'private-of-ann' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  const rows = await page.locator('[data-row]').allInnerTexts();
  await until('the first row has the focus', async () => {
    await page.keyboard.press('Tab');
    return (await focused(page)) === rows[0];
  });
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(page), rows[1]);
  await page.keyboard.press('End');
  assert.equal(await focused(page), rows.at(-1));
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'The chosen channel' }).waitFor();

  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByLabel('Theme').selectOption('dark');
  const dark = await ground();
  await page.reload();
  await page.getByLabel('Theme').waitFor();
  assert.equal(await ground(), dark);
  await page.getByLabel('Theme').selectOption('light');
  assert.notEqual(await ground(), dark);
});

const focused = (page) => page.evaluate(() => document.activeElement.innerText);
