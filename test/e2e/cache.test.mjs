// Cache channels and subscription counts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';

for (const name of ['cache-x', 'private-cache-x', 'presence-cache-x']) {
  test(`${name}: who subscribes gets the last event, or a cache miss`, async (t) => {
    const server = await fanfare(t);
    const early = await subscribed(server.client({ user: { id: '1' } }), name);
    assert.deepEqual(await early.log.next('pusher:cache_miss'), {}); // other clients end without data
    await server.sdk.trigger(name, 'first', 1);
    await server.sdk.trigger(name, 'last', { price: 2 });
    const late = await subscribed(server.client({ user: { id: '2' } }), name);
    assert.deepEqual(await late.log.next('last'), { price: 2 });
    assert.deepEqual(late.log.all('first'), []);
    assert.deepEqual(late.log.all('pusher:cache_miss'), []);
  });
}

test('an event to an empty cache channel is kept until its time is over', async (t) => {
  // Time enough to subscribe on a busy machine, by a client that is connected.
  const server = await fanfare(t, { app: { cache_ttl: '5s' } });
  const client = server.client();
  await subscribed(client, 'news');
  await server.sdk.trigger('cache-x', 'e', 'kept');
  const first = await subscribed(client, 'cache-x');
  assert.equal(await first.log.next('e'), 'kept');
  const info = async () => (await server.sdk.get({ path: '/channels/cache-x', params: { info: 'cache' } })).json();
  await until('the event is forgotten', async () => (await info()).cache === null);
  // Of several nodes each forgets by the time that it knows of.
  await until('who subscribes is told of a miss', async () => {
    const { log } = await subscribed(server.client(), 'cache-x');
    return until('something is told', () => log.all('pusher:cache_miss').length ? 'miss' : log.all('e').length && 'kept').then((told) => told === 'miss');
  });
});

test('the API tells what is cached and for how long', async (t) => {
  const server = await fanfare(t);
  await server.sdk.trigger('cache-x', 'e', { a: 1 });
  const { cache, occupied } = await (await server.sdk.get({ path: '/channels/cache-x', params: { info: 'cache' } })).json();
  assert.equal(occupied, false);
  assert.equal(cache.data, '{"a":1}');
  assert.ok(cache.ttl > 1790 && cache.ttl <= 1800);
});

test('client events are not cached', async (t) => {
  const server = await fanfare(t);
  const [a, b] = [await subscribed(server.client(), 'private-cache-x'), await subscribed(server.client(), 'private-cache-x')];
  a.trigger('client-x', {});
  await b.log.next('client-x');
  await (await subscribed(server.client(), 'private-cache-x')).log.next('pusher:cache_miss');
});

test('subscription counts follow who comes and goes', async (t) => {
  const server = await fanfare(t, { app: { subscription_count: true } });
  const first = await subscribed(server.client(), 'news');
  assert.equal((await first.log.next('pusher:subscription_count')).subscription_count, 1);
  const client = server.client();
  await subscribed(client, 'news');
  assert.equal((await first.log.next('pusher:subscription_count')).subscription_count, 2);
  client.disconnect();
  assert.equal((await first.log.next('pusher:subscription_count')).subscription_count, 1);
});

test('presence and encrypted channels, and apps that did not turn the feature on, get no counts', async (t) => {
  const server = await fanfare(t);
  const news = await subscribed(server.client(), 'news');
  await subscribed(server.client(), 'news');
  await settled(server.sdk, news);
  assert.deepEqual(news.log.all('pusher:subscription_count'), []);
  const other = await fanfare(t, { app: { subscription_count: true } });
  for (const name of ['presence-x', 'private-encrypted-x', 'private-encrypted-cache-x']) {
    const room = await subscribed(other.client({ user: { id: '1' } }), name);
    await subscribed(other.client({ user: { id: '2' } }), name);
    await settled(other.sdk, room);
    assert.deepEqual(room.log.all('pusher:subscription_count'), []);
  }
});
