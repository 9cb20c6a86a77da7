// The console of one node of a cluster shows what is on all, and acts on it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { acquainted, node } from '../support/cluster.mjs';
import { Endpoint } from '../support/endpoint.mjs';
import { freePort } from '../support/fanfare.mjs';
import { Redis } from '../support/redis.mjs';
import { factor, subscribed, until } from '../support/wait.mjs';
import { Reader } from './reader.mjs';

const patience = 120_000 * factor;

test('a console of one node shows users, events and webhooks of all', { timeout: 300_000 * factor }, async (t) => {
  const hooks = await new Endpoint().open(t);
  const redis = await Redis.open(t);
  const nodes = await Promise.all([1, 2].map(async (n) => node(t, redis, `node-${n}`, {
    admin: { listen: `127.0.0.1:${await freePort()}` }, app: { webhooks: [{ url: hooks.url, events: ['channel_occupied'] }] },
  })));
  await acquainted(nodes);
  const [near, far] = nodes;
  near.console = `http://${near.config.admin.listen}/`;
  const [ann, ben] = await Promise.all([[near, 'ann'], [far, 'ben']].map(async ([server, id]) => {
    const client = await server.connected({ user: { id, info: { name: id } } });
    client.signin();
    for (const channel of ['news', 'private-talk']) await subscribed(client, channel);
    return client;
  }));
  const reader = await Reader.of(await browser(t), near, patience);
  const { page } = reader;
  const choose = (name) => page.getByRole('combobox', { name: 'Node' }).selectOption(name);

  await t.test('users, with their nodes', async () => {
    await reader.open('users', { app: 'app-id' });
    await reader.row('ann').filter({ hasText: 'node-1' }).waitFor();
    await reader.row('ben').filter({ hasText: 'node-2' }).waitFor();
    await choose('node-2');
    await reader.row('ann').waitFor({ state: 'detached' });
    await reader.row('ben').waitFor();
    await choose('');
    await reader.row('ann').waitFor();
  });

  await t.test('who did not answer is named', async () => {
    await page.route('**/api/v1/apps/app-id/users*', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...await answer.json(), missing: ['node-<b>2'] } });
    });
    await page.getByText('No answer from node-<b>2.').waitFor();
    await page.unroute('**/api/v1/apps/app-id/users*');
    await page.getByText(/No answer from/).waitFor({ state: 'detached' });
  });

  await t.test('events of both nodes, or of one; a socket of the other node is closed', async () => {
    await reader.open('debug');
    await reader.sees('live');
    const seen = async (client, name) => { // the other node begins to tell a moment after the page is open
      const row = reader.row('client-nod').filter({ hasText: name }).first();
      await until(`an event of ${name} is shown`, async () => {
        client.channel('private-talk').trigger('client-nod', { to: 'everybody' });
        return await row.count() > 0;
      });
      return row;
    };
    await seen(ann, 'node-1');
    const row = await seen(ben, 'node-2');
    await choose('node-2');
    await reader.row('node-1').first().waitFor({ state: 'detached' });
    await seen(ben, 'node-2');
    assert.equal(await reader.row('node-1').count(), 0);
    await choose('');
    await row.getByRole('button', { name: ben.connection.socket_id }).click();
    const card = page.getByRole('region', { name: 'The followed socket' });
    await card.getByText('node-2').waitFor();
    await card.getByRole('button', { name: 'Close the socket' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close it' }).click();
    await reader.row('connection closed').filter({ hasText: '4009' }).filter({ hasText: 'node-2' }).first().waitFor();
    await until('the client is told', () => ben.connection.state !== 'connected');
  });

  await t.test('webhooks of both nodes, or of one', async () => {
    await reader.open('webhooks');
    for (const n of [1, 2]) await page.getByRole('region', { name: `Endpoint 0 of app-id on node-${n}`, exact: true }).waitFor();
    await page.getByText('channel_occupied news').first().waitFor();
    await choose('node-2');
    await page.getByRole('region', { name: 'Endpoint 0 of app-id on node-1', exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('region', { name: 'Endpoint 0 of app-id on node-2', exact: true }).waitFor();
  });

  assert.deepEqual(reader.wrong, []);
});
