// Every kind of channel: pusher-js subscribes, the pusher Node SDK publishes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { settled, subscribed, Log } from '../support/wait.mjs';

const kinds = ['public', 'private-x', 'presence-x', 'cache-x', 'private-cache-x', 'presence-cache-x'];

for (const name of kinds) {
  test(`${name}: an event arrives unchanged`, async (t) => {
    const server = await fanfare(t);
    const channel = await subscribed(server.client({ user: { id: '7' } }), name);
    const data = { text: 'é 漢 🎉 \u2028 "quoted" \\ </script>', n: 12345678901234567890n.toString(), nested: [1, { a: null }] };
    await server.sdk.trigger(name, 'my-event', data);
    assert.deepEqual(await channel.log.next('my-event'), data);
  });
}

for (const name of ['private-encrypted-x', 'private-encrypted-cache-x']) {
  test(`${name}: what the SDK encrypts, the client decrypts`, async (t) => {
    const server = await fanfare(t);
    const channel = await subscribed(server.client(), name);
    await server.sdk.trigger(name, 'secret', { plan: 'é漢🎉' });
    assert.deepEqual(await channel.log.next('secret'), { plan: 'é漢🎉' });
  });
}

test('names that only look special are public channels', async (t) => {
  const server = await fanfare(t);
  const client = server.client({ channelAuthorization: { customHandler: () => assert.fail('asked to authorize') } });
  for (const name of ['privateer', 'presences', 'cached', 'my-cache-x', 'PRIVATE-x', 'a_b-c=d@e,f.g;h']) {
    await subscribed(client, name);
  }
});

test('a name of 200 characters is taken, one of 201 refused on the channel', async (t) => {
  const server = await fanfare(t);
  const client = server.client();
  await subscribed(client, 'n'.repeat(200));
  const long = client.subscribe('n'.repeat(201));
  const error = await new Log(long).next('pusher:subscription_error');
  assert.equal(error.type, 'InvalidChannel');
  assert.equal(error.status, 400);
});

test('strings, JSON in strings and empty data arrive as pusher-js reads them', async (t) => {
  const server = await fanfare(t);
  const channel = await subscribed(server.client(), 'news');
  for (const [sent, read] of [['plain', 'plain'], ['', ''], ['{"a":1}', { a: 1 }], ['[1]', [1]], ['"x"', 'x'], ['12', 12]]) {
    const res = await server.sdk.post({ path: '/events', body: { name: 'e', channel: 'news', data: sent } });
    assert.equal(res.status, 200);
    assert.deepEqual(await channel.log.next('e'), read);
  }
});

test('10,240 bytes of data arrive, 10,241 are refused with 413', async (t) => {
  const server = await fanfare(t);
  const channel = await subscribed(server.client(), 'news');
  const post = (n) => server.sdk.post({ path: '/events', body: { name: 'e', channel: 'news', data: 'é'.repeat(n / 2) + (n % 2 ? 'x' : '') } });
  assert.equal((await post(10240)).status, 200);
  assert.equal((await channel.log.next('e')).length, 5120);
  await assert.rejects(post(10241), (err) => err.status === 413);
});

test('the excluded socket does not get the event', async (t) => {
  const server = await fanfare(t);
  const [a, b] = [await server.connected(), await server.connected()];
  const [inA, inB] = [await subscribed(a, 'news'), await subscribed(b, 'news')];
  await server.sdk.trigger('news', 'for-b', {}, { socket_id: a.connection.socket_id });
  await inB.log.next('for-b');
  await settled(server.sdk, inA);
  assert.deepEqual(inA.log.all('for-b'), []);
});

test('after unsubscribing nothing arrives any more', async (t) => {
  const server = await fanfare(t);
  const client = await server.connected();
  const [left, kept] = [await subscribed(client, 'left'), await subscribed(client, 'kept')];
  client.unsubscribe('left');
  await subscribed(client, 'after'); // the unsubscribe has been handled
  await server.sdk.trigger(['left', 'kept'], 'e', {});
  await kept.log.next('e');
  assert.deepEqual(left.log.all('e'), []);
});

test('two apps share nothing but the process', async (t) => {
  const other = { id: 'other', key: 'other-key', secret: 'other-secret' };
  const server = await fanfare(t, { apps: [other] });
  const [mine, theirs] = [await subscribed(server.client(), 'news'), await subscribed(server.client({ key: 'other-key' }), 'news')];
  await server.sdkOf(other).trigger('news', 'theirs', {});
  await theirs.log.next('theirs');
  await settled(server.sdk, mine);
  assert.deepEqual(mine.log.all('theirs'), []);
});

test('events of one caller arrive in order', async (t) => {
  const server = await fanfare(t);
  const channel = await subscribed(server.client(), 'news');
  for (let i = 0; i < 200; i++) await server.sdk.trigger('news', 'n', i + 1);
  await channel.log.next('n', (n) => n === 200);
  assert.deepEqual(channel.log.all('n'), Array.from({ length: 200 }, (_, i) => i + 1));
});
