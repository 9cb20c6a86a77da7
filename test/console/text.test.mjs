// What users choose is shown as text, tokens, and the libraries that are vendored.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser } from '../support/browser.mjs';
import { factor, subscribed, until } from '../support/wait.mjs';
import { Reader } from './reader.mjs';
import { scene, served, token } from './scene.mjs';

const patience = 120_000 * factor;

test('markup is shown as text, and 100 KB does not freeze the page', { timeout: 300_000 * factor }, async (t) => {
  const markup = (text) => `<img src=x onerror="window.attacked=1">${text}<script>window.attacked=1</script>`;
  const { server, people: [ann] } = await scene(t, markup);
  const reader = await Reader.of(await browser(t), server, patience);
  const { page } = reader;

  await reader.open('debug');
  await reader.sees('live');
  ann.channel('private-orders').trigger('client-' + markup('x'), { is: markup('data') });
  await reader.row('client-<img').first().waitFor();
  await server.sdk.trigger('orders', markup('event'), { is: markup('data') });
  await reader.row('event published').filter({ hasText: '<img' }).first().waitFor();
  ann.subscribe(markup('channel'));
  await reader.row('subscription refused').filter({ hasText: '<img' }).first().waitFor();
  const late = await server.connected({ user: { id: markup('late'), info: { name: markup('info') } } });
  late.signin();
  await reader.row('sign-in refused').first().waitFor(); // no such id can sign in
  // Handles stay with their rows. A locator is the nth row, another one as soon as something happens.
  for (const button of await page.locator('[data-row]').elementHandles()) {
    await button.click();
    await page.locator('tr.detail').waitFor();
    await button.click();
  }

  // A server that lets such ids in would not matter either.
  await page.route('**/api/v1/apps/shop/users*', async (route) => {
    const answer = await route.fetch();
    const all = await answer.json();
    await route.fulfill({ response: answer, json: { ...all, users: all.users.map((u) => ({ ...u, id: markup(u.id) })) } });
  });
  await reader.open('users', { app: 'shop' });
  await reader.row('<img src=x').first().waitFor();
  await reader.row('ben').getByRole('button', { name: 'Terminate' }).click();
  await page.getByRole('dialog').getByText('<img').waitFor();
  await page.keyboard.press('Escape');
  await reader.open('channels', { app: 'shop', channel: 'presence-lobby' });
  await page.getByRole('listitem').filter({ hasText: '<img' }).first().waitFor();
  await reader.open('channels', { app: 'shop', channel: 'cache-prices', prefix: '<b>no</b>' });
  await page.getByRole('region', { name: 'Data of the cached event' }).filter({ hasText: '<img' }).waitFor();
  await reader.open('creator', { app: 'shop', user: markup('user'), channel: markup('channel') });
  await page.getByLabel('User id').waitFor();
  await reader.open('webhooks');
  await page.getByText('member_added').first().waitFor();
  for (const name of ['overview', 'apps', markup('page')]) await reader.open(name, { app: markup('app') });
  assert.equal(await page.evaluate(() => window.attacked), undefined);
  assert.equal(await page.locator('img:not([src="icon.svg"]), main script').count(), 0);

  // A payload of 100 KB: its beginning, then all.
  const long = 'x'.repeat(100 << 10);
  await reader.open('debug', { app: 'shop' });
  await reader.sees('live');
  assert.deepEqual(await server.admin('POST', 'apps/shop/events', { name: 'long', data: 'x'.repeat(9000), channels: ['orders'] }), { channels: ['orders'] });
  await reader.row('long').first().getByRole('button', { expanded: false }).click();
  const payload = page.getByRole('region', { name: 'Payload' });
  assert.ok((await payload.innerText()).length < 2100);
  await page.getByRole('button', { name: /^Show all/ }).click();
  await until('all of it', async () => (await payload.innerText()).length >= 9000);
  // Larger ones take an app that allows them.
  const big = await served(t, { app: { limits: { max_event_bytes: 200_000 } } });
  const other = await Reader.of(await browser(t), big, patience);
  await subscribed(await big.connected(), 'cache-long');
  await other.open('debug');
  await other.sees('live');
  await big.admin('POST', 'apps/app-id/events', { name: 'long', data: long, channels: ['cache-long'] });
  await other.row('long').first().getByRole('button', { expanded: false }).click();
  await other.page.getByRole('button', { name: 'Show all (100 KB)' }).click();
  await until('100 KB', async () => (await other.page.getByRole('region', { name: 'Payload' }).innerText()).length === long.length);
  await other.page.getByRole('button', { name: 'Show less' }).click();
});

test('tokens: asked for once, a wrong one is said, and a role that may not act is told so', { timeout: 120_000 * factor }, async (t) => {
  const looking = token('looker', 'read');
  const server = await served(t, { tokens: [looking.entry] });
  const reader = await Reader.of(await browser(t), server, patience);
  const { page } = reader;
  await page.goto(server.console);
  await page.getByLabel('Admin token').fill('wrong');
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.getByText('The server does not accept this token.').waitFor();
  await page.getByLabel('Admin token').fill(looking.text);
  await page.getByRole('button', { name: 'Enter' }).click();
  await reader.sees('ready');
  await page.reload();
  await reader.sees('ready');
  await reader.open('debug');
  await page.getByText('This token cannot read payloads.').waitFor();
  await reader.open('creator');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'This requires the role operate' }).waitFor();
  assert.match(await page.getByRole('region', { name: 'curl, over the admin API' }).innerText(), /Authorization: Bearer \$FANFARE_ADMIN_TOKEN/);
  assert.ok(!(await page.content()).includes(looking.text));
  await page.getByRole('button', { name: 'Forget the token' }).click();
  await page.getByLabel('Admin token').waitFor();
});

test('vendored files are those of the releases on npm', async () => {
  const at = (path) => fileURLToPath(new URL(path, import.meta.url));
  const json = async (path) => JSON.parse(await readFile(at(path), 'utf8'));
  const { packages } = await json('../package-lock.json'); // npm ci held what it installed to these hashes
  for (const [name, { version, integrity, files }] of Object.entries(await json('../../console/vendor.json'))) {
    const locked = packages[`node_modules/${name}`];
    assert.deepEqual([version, integrity], [locked.version, locked.integrity], name);
    for (const [file, { path }] of Object.entries(files)) {
      const [ours, theirs] = await Promise.all([readFile(at(`../../console/static/vendor/${file}`)), readFile(at(`../node_modules/${name}/${path}`))]);
      assert.ok(ours.equals(theirs), `${file} is not ${path} of ${name} ${version}`);
    }
  }
});
