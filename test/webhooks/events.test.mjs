// Every webhook, as the validators of the Node and Python SDKs take it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';

const ann = { id: 'ann é', info: { name: 'Ann' } };

/** A server with one webhook to each of the endpoints. */
function serve(t, endpoints, { app, ...rest } = {}) {
  const webhooks = endpoints.map(({ endpoint, ...hook }) => ({ url: endpoint.url, ...hook }));
  return fanfare(t, { app: { id: '1001', subscription_count: true, ...app, webhooks }, webhooks: { grace: '100ms' }, ...rest });
}

/** Makes all seven happen. */
async function everything(server) {
  const client = server.client({ user: ann });
  const room = await subscribed(client, 'presence-room');
  await subscribed(client, 'news');
  await subscribed(client, 'cache-scores');
  room.trigger('client-typing', { a: [1, 'é', null] });
  const chat = await subscribed(client, 'private-chat');
  chat.trigger('client-text', 'plain "text" \u2028 🎉');
  await subscribed(client, 'private-encrypted-safe');
  client.unsubscribe('presence-room');
  return client;
}

const expected = (socketId) => [
  { name: 'channel_occupied', channel: 'presence-room' },
  { name: 'member_added', channel: 'presence-room', user_id: 'ann é' },
  { name: 'subscription_count', channel: 'cache-scores', subscription_count: 1 },
  { name: 'cache_miss', channel: 'cache-scores' },
  {
    name: 'client_event', channel: 'presence-room', event: 'client-typing', data: '{"a":[1,"é",null]}', socket_id: socketId,
    user_id: 'ann é',
  },
  { name: 'client_event', channel: 'private-chat', event: 'client-text', data: 'plain "text" \u2028 🎉', socket_id: socketId },
  { name: 'channel_occupied', channel: 'private-encrypted-safe' },
  { name: 'member_removed', channel: 'presence-room', user_id: 'ann é' },
  { name: 'channel_vacated', channel: 'presence-room' },
];

test('one event a request, and batched: both SDKs accept every payload', async (t) => {
  const single = await new Endpoint().open(t);
  const batched = await new Endpoint().open(t);
  const server = await serve(t, [
    { endpoint: single },
    { endpoint: batched, batch: { enabled: true, interval: '300ms' } },
  ]);
  const client = await everything(server).catch((err) => {
    err.message += `\n${server.log}`;
    throw err;
  });
  for (const endpoint of [single, batched]) {
    for (const want of expected(client.connection.socket_id)) {
      assert.deepEqual(await endpoint.event(want), want);
    }
    await endpoint.validate();
  }
  assert.deepEqual(batched.events, single.events, 'the two differ in order');
  assert.ok(single.requests.every((r) => JSON.parse(r.body).events.length === 1));
  assert.ok(batched.requests.length < single.requests.length);
  assert.equal(single.requests[0].headers['content-type'], 'application/json');
});

test('filters, event lists and headers belong to each endpoint; each is signed as sent', async (t) => {
  const rooms = await new Endpoint().open(t);
  const counts = await new Endpoint().open(t);
  const open = await new Endpoint().open(t);
  const server = await serve(t, [
    { endpoint: rooms, filter: { channel_prefix: 'presence-' }, batch: { enabled: true, interval: '200ms' } },
    { endpoint: counts, events: ['subscription_count'], headers: { 'X-Token': 'abc', 'X-Pusher-Key': 'forged' } },
    { endpoint: open, filter: { exclude_prefixes: ['private-encrypted-', 'presence-'] } },
  ]);
  await everything(server);
  await rooms.event({ name: 'channel_vacated' });
  await counts.event({ channel: 'private-encrypted-safe', subscription_count: 1 });
  await open.event({ channel: 'private-chat', name: 'client_event' });
  for (const endpoint of [rooms, counts, open]) await endpoint.validate();
  assert.ok(rooms.events.every((e) => e.channel === 'presence-room'));
  assert.ok(counts.events.every((e) => e.name === 'subscription_count' && e.channel !== 'presence-room'));
  assert.ok(counts.requests.every((r) => r.headers['x-token'] === 'abc' && r.headers['x-pusher-key'] === 'app-key'));
  assert.ok(open.events.every((e) => !/^(private-encrypted|presence)-/.test(e.channel)));
});

test('fifty sockets that miss a cache together are one webhook', async (t) => {
  oneNode(t, 'each node tells of the cache misses of its own sockets');
  const endpoint = await new Endpoint().open(t);
  const server = await serve(t, [{ endpoint, events: ['cache_miss'] }]);
  const wires = await Promise.all(Array.from({ length: 50 }, () => new Wire(server).open()));
  for (const wire of wires) wire.send({ event: 'pusher:subscribe', data: { channel: 'cache-x' } });
  for (const wire of wires) await until('a cache miss', () => wire.messages.some((m) => m.includes('pusher:cache_miss')));
  await endpoint.event({ name: 'cache_miss' });
  wires[0].send({ event: 'pusher:subscribe', data: { channel: 'cache-y' } });
  await endpoint.event({ channel: 'cache-y' });
  assert.deepEqual(endpoint.events.map((e) => e.channel), ['cache-x', 'cache-y']);
});

test('a page reload is silent; who stays away is told of', async (t) => {
  const endpoint = await new Endpoint().open(t);
  const server = await serve(t, [{ endpoint, events: ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'] }], {
    webhooks: { grace: '2s' },
  });
  const page = server.client({ user: ann });
  await subscribed(page, 'presence-room');
  page.disconnect();
  const reloaded = server.client({ user: ann });
  await subscribed(reloaded, 'presence-room');
  reloaded.disconnect();
  await endpoint.event({ name: 'channel_vacated' });
  assert.deepEqual(endpoint.events.map((e) => e.name), ['channel_occupied', 'member_added', 'member_removed', 'channel_vacated']);
});

test('with several keys the oldest signs', async (t) => {
  const endpoint = await new Endpoint().open(t);
  const server = await serve(t, [{ endpoint }], { app: { keys: [{ key: 'newer', secret: 'newer-secret' }] } });
  await subscribed(server.client({ key: 'newer' }), 'news');
  await endpoint.event({ name: 'channel_occupied' });
  await endpoint.validate();
});
