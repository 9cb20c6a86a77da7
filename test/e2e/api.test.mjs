// The HTTP API as the pusher Node SDK uses it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { subscribed } from '../support/wait.mjs';

test('a batch arrives in order and answers its info index by index', async (t) => {
  const server = await fanfare(t);
  const channel = await subscribed(server.client(), 'news');
  const batch = [
    { channel: 'news', name: 'a', data: 1 }, { channel: 'news', name: 'b', data: { x: 2 }, info: 'subscription_count' },
    { channel: 'presence-none', name: 'c', data: 3, info: 'user_count' },
  ];
  assert.deepEqual(await (await server.sdk.triggerBatch(batch)).json(), { batch: [{}, { subscription_count: 1 }, { user_count: 0 }] });
  assert.equal(await channel.log.next('a'), 1);
  assert.deepEqual(await channel.log.next('b'), { x: 2 });
});

test('a batch without info answers {}', async (t) => {
  const server = await fanfare(t);
  assert.deepEqual(await (await server.sdk.triggerBatch([{ channel: 'news', name: 'a', data: 1 }])).json(), {});
});

test('one bad event of a batch: 400 with its index, nothing is sent', async (t) => {
  const server = await fanfare(t);
  const channel = await subscribed(server.client(), 'news');
  const batch = [{ channel: 'news', name: 'a', data: '1' }, { channel: 'no good', name: 'b', data: '2' }];
  await assert.rejects(server.sdk.post({ path: '/batch_events', body: { batch } }), (err) => err.status === 400 && err.body.includes('batch[1]'));
  await server.sdk.trigger('news', 'after', 1);
  await channel.log.next('after');
  assert.deepEqual(channel.log.all('a'), []);
});

test('one event to a hundred channels, with counts', async (t) => {
  const server = await fanfare(t);
  await subscribed(server.client(), 'c-7');
  const names = Array.from({ length: 100 }, (_, i) => `c-${i}`);
  const { channels } = await (await server.sdk.trigger(names, 'e', {}, { info: 'subscription_count' })).json();
  assert.equal(Object.keys(channels).length, 100);
  assert.deepEqual(channels['c-7'], { subscription_count: 1 });
  assert.deepEqual(channels['c-8'], { subscription_count: 0 });
});

test('GET channels, channel and users of nothing are empty objects and lists', async (t) => {
  const server = await fanfare(t);
  const get = async (path) => (await server.sdk.get({ path })).json();
  assert.deepEqual(await get('/channels'), { channels: {} });
  assert.deepEqual(await get('/channels/nobody-here'), { occupied: false });
  assert.deepEqual(await get('/channels/presence-nobody/users'), { users: [] });
});

test('a wrong secret is 401, an unknown app 404, each in JSON', async (t) => {
  const server = await fanfare(t);
  const wrong = server.sdkOf({ id: 'app-id', key: 'app-key', secret: 'not-it' });
  await assert.rejects(wrong.trigger('news', 'e', {}), (err) => err.status === 401 && JSON.parse(err.body).code === 401);
  const unknown = server.sdkOf({ id: 'nope', key: 'app-key', secret: 'app-secret' });
  await assert.rejects(unknown.trigger('news', 'e', {}), (err) => err.status === 404);
});

test('user ids with slashes, spaces and umlauts can be terminated', async (t) => {
  const server = await fanfare(t);
  assert.equal((await server.sdk.terminateUserConnections('a b/ü')).status, 200);
});

test('attributes that do not fit are 400', async (t) => {
  const server = await fanfare(t);
  for (const [path, params] of [['/channels/news', { info: 'user_count' }], ['/channels/news', { info: 'bogus' }], ['/channels', { info: 'user_count' }]]) {
    await assert.rejects(server.sdk.get({ path, params }), (err) => err.status === 400);
  }
});
