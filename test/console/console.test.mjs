// Every page of the console in Chromium, against a server with real clients.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { factor, until } from '../support/wait.mjs';
import { scene } from './scene.mjs';
import { Reader } from './reader.mjs';

const patience = 120_000 * factor;

test('every page shows what the server does, and acts on it', { timeout: 300_000 * factor }, async (t) => {
  const { server, people: [ann, ben], good } = await scene(t);
  const chromium = await browser(t);
  const reader = await Reader.of(chromium, server, patience);
  const { page } = reader;

  await t.test('overview', async () => {
    await reader.open('overview');
    await reader.sees('ready');
    assert.equal(await reader.figure('Connections'), '4');
    assert.equal(await reader.figure('Presence members'), '3');
    await page.getByRole('region', { name: 'Nodes' }).getByText('this one').waitFor();
  });

  await t.test('debug: what happens, filters, pause, payload, a socket', async () => {
    await reader.open('debug');
    await reader.sees('live');
    ann.channel('private-orders').trigger('client-nod', { to: 'everybody' });
    await server.sdk.trigger('orders', 'order', { number: 17 });
    const row = reader.row('client-nod');
    await row.waitFor();
    await row.getByRole('button', { expanded: false }).click();
    await page.getByRole('region', { name: 'Payload' }).getByText('{"to":"everybody"}').waitFor();
    await reader.row('event published').filter({ hasText: 'order' }).first().waitFor();

    await page.getByRole('button', { name: 'Pause' }).click();
    await server.sdk.trigger('orders', 'held', {});
    await page.getByRole('button', { name: /^Continue \([1-9]/ }).waitFor();
    assert.equal(await reader.row('held').count(), 0);
    await page.getByRole('button', { name: /^Continue/ }).click();
    await reader.row('held').first().waitFor();

    await page.getByLabel('Event', { exact: true }).fill('order');
    await server.sdk.trigger('orders', 'meanwhile', {});
    await reader.row('meanwhile').first().waitFor(); // the page was drawn again
    await page.getByLabel('Event', { exact: true }).press('Enter');
    await reader.row('held').first().waitFor({ state: 'detached' });
    await reader.row('event published').first().waitFor();
    await page.getByLabel('Kind').selectOption('client_event');
    await reader.row('event published').first().waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Clear the filters' }).click();

    // Follow a socket to its end.
    await row.getByRole('button', { name: ann.connection.socket_id }).click();
    const card = page.getByRole('region', { name: 'The followed socket' });
    await card.getByText('private-of-ann').waitFor();
    await card.getByText('websocket').waitFor();
    await card.getByRole('button', { name: 'Close the socket' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close it' }).click();
    await reader.row('connection closed').filter({ hasText: '4009' }).waitFor();
    await card.getByText('gone', { exact: true }).waitFor();
    await until('the client is told', () => ann.connection.state !== 'connected');
  });

  await t.test('debug says how many were left out', async () => {
    await reader.open('debug', { app: 'chat' });
    await reader.sees('live');
    const sdk = server.sdkOf({ id: 'chat', key: 'chat-key', secret: 'chat-secret' });
    const hundred = Array.from({ length: 100 }, (_, i) => `talk-${i}`); // a line for each, and 500 a second are shown
    let storming = true;
    const storm = Promise.all(Array.from({ length: 8 }, async () => {
      while (storming) await sdk.trigger(hundred, 'storm', {});
    }));
    await page.getByText(/events were left out/).waitFor();
    storming = false;
    await storm;
    assert.ok(await page.getByRole('row').count() <= 202);
  });

  await t.test('channels: prefix, members, cached event', async () => {
    await reader.open('channels', { app: 'shop' });
    await reader.row('private-of-ben').waitFor();
    await page.getByLabel('Name begins with').fill('p');
    await reader.row('presence-lobby').waitFor();
    await reader.row('orders').filter({ hasNotText: 'private' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'presence-lobby' }).click();
    const card = page.getByRole('region', { name: 'The chosen channel' });
    await card.getByRole('listitem').filter({ hasText: 'ben' }).waitFor();
    await card.getByRole('button', { name: 'Close' }).click();
    await page.getByLabel('Name begins with').fill('cache-');
    await page.getByRole('link', { name: 'cache-prices' }).click();
    await card.getByText('{"text":"12.50"}').waitFor();
    await card.getByRole('link', { name: 'Send an event' }).click();
    assert.equal(await page.getByLabel('Channels, separated by commas').inputValue(), 'cache-prices');
  });

  await t.test('channels: the history, and emptying it', async () => {
    await reader.open('channels', { app: 'shop', prefix: 'orders' });
    await page.getByRole('link', { name: 'orders', exact: true }).click();
    const history = page.getByRole('region', { name: 'History' });
    await history.getByText('{"number":17}').waitFor();
    await page.getByRole('button', { name: 'Clear the history' }).click();
    await page.getByRole('button', { name: 'Clear it' }).click();
    await reader.sees('The history was cleared.');
    await history.waitFor({ state: 'detached' });
  });

  await t.test('event creator: to a channel, to a user, bad JSON, a refusal', async () => {
    await reader.open('creator', { app: 'shop' });
    const got = [];
    ben.channel('orders').bind('made', (data) => got.push(data));
    ben.user.bind('told', (data) => got.push(data));
    await page.getByLabel('Channels, separated by commas').fill('orders');
    await page.getByLabel('Event', { exact: true }).fill('made');
    await page.getByLabel('Data', { exact: true }).fill('{"by": ');
    await page.getByText('This is not JSON').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled());
    await page.getByLabel('Data', { exact: true }).fill(`{"by": "it's \\u00fc"}`);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await reader.sees('Sent to 1 channel.');
    await until('the event', () => got.length === 1);
    assert.deepEqual(got[0], { by: "it's ü" });

    await page.getByLabel('A user').check();
    await page.getByLabel('User id').fill('ben');
    await page.getByLabel('Event', { exact: true }).fill('told');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await reader.sees('Sent to ben.');
    await until('the event for the user', () => got.length === 2);

    // The lines that do the same do.
    const curl = await page.getByRole('region', { name: 'curl, over the admin API' }).innerText();
    await reader.shell(curl);
    await until('the event of curl', () => got.length === 3);
    const node = await page.getByRole('region', { name: 'Node, pusher package' }).innerText();
    await reader.node(node, server);
    await until('the event of Node', () => got.length === 4);
    assert.deepEqual(got.slice(1), Array(3).fill({ by: "it's ü" }));

    await page.getByLabel('Channels', { exact: true }).check();
    await page.getByLabel('Channels, separated by commas').fill('no such name');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('alert').filter({ hasText: /./ }).waitFor();
  });

  await t.test('webhooks: what was delivered, what waits, what failed is sent again', async () => {
    await reader.open('webhooks');
    await page.getByRole('region', { name: 'Endpoint 0 of shop', exact: true }).getByText('delivered').first().waitFor();
    await page.getByRole('region', { name: 'Endpoint 0 of shop', exact: true }).getByText('channel_occupied orders').first().waitFor();
    await page.getByRole('region', { name: 'Endpoint 0 of chat', exact: true }).getByText('retrying').first().waitFor();
    // It takes five minutes until a delivery has failed. That one is made up here; the answer to it is the server's.
    await page.route('**/api/v1/webhooks*', async (route) => {
      const answer = await route.fetch();
      const all = await answer.json();
      const [one] = all.endpoints.find((e) => e.app === 'shop').deliveries;
      Object.assign(one, { state: 'failed', replayable: true });
      await route.fulfill({ response: answer, json: all });
    });
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('alert').filter({ hasText: /deliver/i }).first().waitFor();
    await page.unroute('**/api/v1/webhooks*');
    assert.ok(good.requests.length > 0);
  });

  await t.test('apps: keys, secrets, limits, snippets', async () => {
    await reader.open('apps');
    await page.getByRole('link', { name: 'shop' }).click();
    const card = page.getByRole('region', { name: 'App shop' });
    await card.getByText('limits.max_connections').waitFor();
    assert.equal(await card.getByText('app-secret').count(), 0);
    await card.getByRole('button', { name: 'Show the secrets' }).click();
    await card.getByText('app-secret').first().waitFor();
    await card.getByRole('button', { name: 'Hide the secrets' }).click();
    for (const [library, text] of Object.entries({
      'pusher-js': 'new Pusher("app-key"', 'Laravel Echo': 'new Echo(', Node: 'require("pusher")', PHP: 'new Pusher\\Pusher', Python: 'pusher.Pusher(',
      Ruby: 'Pusher::Client.new', Go: 'pusher.Client{',
    })) {
      await card.getByLabel('Library').selectOption(library);
      const code = await card.getByRole('region', { name: library, exact: true }).innerText();
      assert.ok(code.includes(text) && code.includes(String(server.port)) && code.includes('app-key'), code);
    }
    await card.getByLabel('Library').selectOption('Node');
    await card.getByRole('button', { name: 'Copy: Node' }).click();
    await card.getByText('Copied').waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^const Pusher = require/);
  });

  await t.test('users: terminate', async () => {
    await reader.open('users', { app: 'shop' });
    await reader.row('cy').waitFor();
    await reader.row('ben').getByRole('button', { name: 'Terminate' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
    await reader.sees('The connections of ben are being closed.');
    await until('ben is gone', () => ben.connection.state !== 'connected');
    await reader.row('ben').waitFor({ state: 'detached' });
  });

  await t.test('overview: charts of all apps and of one', async () => {
    await reader.open('overview');
    await page.getByRole('img', { name: /^Connections in the last hour\. Connections: now \d/ }).waitFor();
    await page.getByRole('img', { name: /^Publish latency in the last hour\. Median: now .*, at most .* ms; 99 % within: now .*, at most .*[1-9].* ms/ }).waitFor();
    await page.getByLabel('Charts of').selectOption('chat');
    await page.getByRole('img', { name: /^Connections in the last hour\. Connections: now 1/ }).waitFor();
  });

  await t.test('the server goes away: a sentence, and the page lives on', async () => {
    await reader.open('overview');
    await reader.sees('ready');
    await server.stop('SIGKILL');
    await page.getByText('The server does not answer. Is it running?').first().waitFor();
    await server.start();
    await page.getByText('The server does not answer. Is it running?').first().waitFor({ state: 'detached' });
  });
  assert.deepEqual(reader.wrong.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE|ERR_EMPTY|status of (400|404|409)/.test(text)), []);
});
