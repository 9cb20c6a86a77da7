// Apps and their keys are changed in the console, where they are in a database.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { factor, until } from '../support/wait.mjs';
import { axe, Reader } from './reader.mjs';
import { served, token } from './scene.mjs';

const patience = 120_000 * factor;

/** A server whose apps are in a database of its own, with the app shop. */
async function stored(t, options = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-apps-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return served(t, { store: { kind: 'sqlite', dsn: join(folder, 'apps.db'), poll_interval: '50ms' }, ...options });
}

const markup = '<img src=x onerror="window.attacked=1">';

test('apps in a database are created, changed, given keys and deleted', { timeout: 300_000 * factor }, async (t) => {
  const server = await stored(t);
  const reader = await Reader.of(await browser(t), server, patience);
  const { page } = reader;
  const source = await axe();
  const card = page.getByRole('region', { name: 'App shop', exact: true });
  const settings = card.getByRole('form', { name: 'Settings' });
  const button = (name, within = card) => within.getByRole('button', { name, exact: true });
  const held = () => server.admin('GET', 'apps/shop');

  /** Holds what is seen now to WCAG, in light and dark, on a desktop and a phone. */
  async function accessible(what) {
    await page.evaluate(source);
    for (const [colorScheme, width] of [['light', 375], ['dark', 1280]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], `${what}, ${colorScheme}, ${width}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `${what} scrolls sideways at ${width}`);
    }
  }

  await t.test('create, with the keyboard alone', async () => {
    await reader.open('apps');
    await reader.sees('There is no app.');
    await page.getByRole('button', { name: 'Create an app' }).press('Enter');
    await until('the id has the focus', () => page.getByLabel('Id', { exact: true }).evaluate((input) => input === document.activeElement));
    await page.keyboard.type('not allowed/');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Id "not allowed/"' }).waitFor();
    await accessible('a refused new app');
    await page.getByLabel('Id', { exact: true }).fill('shop');
    await page.keyboard.press('Tab');
    await page.keyboard.type(markup);
    await page.keyboard.press('Enter');
    const made = page.getByRole('region', { name: 'App shop is created' });
    await made.waitFor();
    const [key, secret] = await made.locator('pre').allInnerTexts();
    await card.waitFor();
    assert.deepEqual((await server.admin('GET', 'apps?secrets=yes')).apps[0].keys, [{ key, secret }]);
    await accessible('a created app');
    await button('Copy: First secret', made).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
    await button('I have copied it', made).click();
    assert.equal(await page.getByText(secret).count(), 0);
    const client = await server.connected({ key });
    client.disconnect();
  });

  await t.test('settings: name, a limit, a default, other options, what is wrong', async () => {
    assert.equal(await settings.getByLabel('Name', { exact: true }).inputValue(), markup);
    assert.ok(await button('Save').isDisabled());
    await settings.getByLabel('Name', { exact: true }).fill('Shop ' + markup);
    await settings.getByLabel('max_connections').fill('7');
    await settings.getByLabel('max_event_bytes').fill('2000');
    const json = settings.getByLabel('Other options, as JSON');
    const options = JSON.parse(await json.inputValue());
    await json.fill('{');
    await settings.getByText('This is not JSON').waitFor();
    assert.ok(await button('Save').isDisabled());
    await json.fill(JSON.stringify({ ...options, client_events: false, allowed_origins: ['https://shop.example'] }));
    await button('Save').click();
    await settings.getByText('Saved.').waitFor();
    let app = await held();
    assert.equal(app.name, 'Shop ' + markup);
    assert.deepEqual([app.options.limits.max_connections, app.options.limits.max_event_bytes, app.options.client_events], [7, 2000, false]);
    assert.deepEqual(app.options.allowed_origins, ['https://shop.example']);

    await settings.getByLabel('max_event_bytes').fill('');
    const { client_events, ...rest } = JSON.parse(await json.inputValue());
    assert.equal(client_events, false);
    await json.fill(JSON.stringify(rest));
    await button('Save').click();
    await settings.getByText('Saved.').waitFor();
    app = await held();
    assert.deepEqual([app.options.limits.max_connections, app.options.limits.max_event_bytes, app.options.client_events], [7, 10240, true]);

    await json.fill(JSON.stringify({ ...rest, webhooks: [{ url: 'http://10.0.0.1/hook' }] }));
    await button('Save').click();
    await settings.getByRole('alert').filter({ hasText: '10.0.0.1' }).waitFor();
    await button('Load again').click();
    await settings.getByRole('alert').filter({ hasText: '10.0.0.1' }).waitFor({ state: 'detached' });
  });

  await t.test('a conflict is said, and nothing is overwritten', async () => {
    await settings.getByLabel('max_connections').fill('8');
    assert.equal((await server.admin('PATCH', 'apps/shop', { options: { limits: { max_connections: 99 } } })).options.limits.max_connections, 99);
    await button('Save').click();
    await settings.getByText('the app has changed since this page loaded it').waitFor();
    assert.equal((await held()).options.limits.max_connections, 99);
    await button('Load again').click();
    await until('the other value', async () => (await settings.getByLabel('max_connections').inputValue()) === '99');
    await settings.getByLabel('max_connections').fill('8');
    await button('Save').click();
    await settings.getByText('Saved.').waitFor();
    assert.equal((await held()).options.limits.max_connections, 8);
  });

  await t.test('disable and enable', async () => {
    await button('Disable').click();
    await accessible('a question');
    await button('Disable the app', page.getByRole('dialog')).click();
    await reader.row('shop').getByText('disabled').waitFor();
    assert.equal((await held()).enabled, false);
    await button('Enable').click();
    await reader.row('shop').getByText('enabled').waitFor();
  });

  await t.test('keys: add, retire, and the last one stays', async () => {
    await card.getByText('The only key cannot be retired.').waitFor();
    const [{ key: old }] = (await held()).keys;
    await settings.getByLabel('max_connections').fill('12'); // is kept, and no conflict with the key
    await button('Add a key').click();
    const fresh = card.getByRole('region', { name: 'The new key' });
    await fresh.waitFor();
    const [key, secret] = await fresh.locator('pre').allInnerTexts();
    await accessible('a new key');
    await button('Copy: New key', fresh).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
    await button('I have copied it', fresh).click();
    await button(`Retire: ${key}`).waitFor();
    assert.equal(await card.getByText(secret).count(), 0);
    await button(`Retire: ${old}`).click();
    await button('Cancel', page.getByRole('dialog')).click();
    assert.equal((await held()).keys.length, 2);

    // Somebody else retires the new one, which this page does not know yet.
    const seen = await server.admin('GET', 'apps');
    await page.route('**/api/v1/apps', (route) => route.fulfill({ json: seen }));
    assert.deepEqual(await server.admin('DELETE', `apps/shop/keys/${key}`), { done: true });
    await button(`Retire: ${old}`).click();
    await button('Retire the key', page.getByRole('dialog')).click();
    await card.getByRole('alert').filter({ hasText: 'The app has no other key; add one first.' }).waitFor();
    await page.unroute('**/api/v1/apps');
    await card.getByText('The only key cannot be retired.').waitFor();

    await button('Add a key').click();
    await button('I have copied it', fresh).click();
    await button(`Retire: ${old}`).click();
    await button('Retire the key', page.getByRole('dialog')).click();
    await card.getByText(`The key ${old} is retired.`).waitFor();
    assert.ok((await held()).keys.every((k) => k.key !== old));
    await card.getByText('The only key cannot be retired.').waitFor();
    await until('the typed value is still there', async () => (await settings.getByLabel('max_connections').inputValue()) === '12');
    await button('Save').click();
    await settings.getByText('Saved.').waitFor();
  });

  await t.test('delete asks for the id', async () => {
    await button('Delete').click();
    const dialog = page.getByRole('dialog');
    assert.ok(await button('Delete the app', dialog).isDisabled());
    await dialog.getByLabel('To continue, type shop').fill('shop');
    await page.keyboard.press('Enter');
    await reader.sees('shop is deleted.');
    await reader.sees('There is no app.');
    assert.equal((await held()).code, 'not_found');
  });

  assert.equal(await page.evaluate(() => window.attacked), undefined);
  assert.equal(await page.locator('img:not([src="icon.svg"]), main script').count(), 0);
  assert.deepEqual(reader.wrong.filter((text) => !/status of (400|409)/.test(text)), []);
});

test('who may not change apps is told why, and sees no buttons', { timeout: 120_000 * factor }, async (t) => {
  const tokens = [token('boss', 'admin'), token('operator', 'operate')];
  const server = await stored(t, { tokens: tokens.map(({ entry }) => entry) });
  const chromium = await browser(t);
  const answer = await fetch(`${server.console}api/v1/apps`, {
    method: 'POST', body: '{"id":"shop"}', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${tokens[0].text}` },
  });
  assert.equal(answer.status, 200);
  const reader = await Reader.of(chromium, server, patience);
  const { page } = reader;
  await reader.open('apps', { app: 'shop' });
  await page.getByLabel('Admin token').fill(tokens[1].text);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.getByText('Changing them requires a token with the role admin.').waitFor();
  await page.getByText('limits.max_connections').waitFor();
  await seesNoButtons(page);
  // Whose role is taken away meanwhile gets the API's sentence.
  await page.route('**/api/v1/apps', async (route) => {
    const real = await route.fetch();
    await route.fulfill({ response: real, json: { ...await real.json(), editable: true } });
  });
  await page.getByRole('button', { name: 'Add a key' }).click();
  await page.getByRole('alert').filter({ hasText: 'This requires the role admin' }).waitFor();
  await page.unrouteAll({ behavior: 'wait' });

  const inFile = await served(t);
  const other = await Reader.of(chromium, inFile, patience);
  await other.open('apps', { app: 'app-id' });
  await other.page.getByText('The apps are in the configuration file.').waitFor();
  await other.page.getByText('limits.max_connections').waitFor();
  await seesNoButtons(other.page);
});

async function seesNoButtons(page) {
  assert.deepEqual(await page.getByRole('button', { name: /^(Create|Save|Add|Retire|Disable|Enable|Delete)/ }).allInnerTexts(), []);
}
