// Coming, being refused, being pinged, losing the server and finding it again.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Wire } from '../support/wire.mjs';
import { Log, subscribed, until } from '../support/wait.mjs';

async function refusedWith(t, code, config, options) {
  const server = await fanfare(t, config);
  const client = server.client(options);
  const codes = [];
  client.connection.bind('error', (e) => codes.push(e.data?.code ?? e.error?.data?.code));
  await until(`error ${code}`, () => codes.includes(code));
  return client;
}

test('an unknown key is refused for good with 4001', async (t) => {
  const client = await refusedWith(t, 4001, {}, { key: 'nobody' });
  await until('it gives up', () => client.connection.state === 'disconnected');
});

test('a disabled app is refused with 4003', (t) => refusedWith(t, 4003, { app: { enabled: false } }));

test('a socket over the quota is refused with 4004', async (t) => {
  const server = await fanfare(t, { app: { limits: { max_connections: 1 } } });
  await server.connected();
  const wire = new Wire(server);
  assert.equal(JSON.parse(await wire.next()).data.code, 4004);
  assert.equal((await wire.close()).code, 4004);
});

test('an app that requires TLS answers a plain connection 4000', async (t) => {
  const server = await fanfare(t, { app: { require_tls: true }, http: { trusted_proxies: ['192.0.2.1'] } });
  const wire = new Wire(server);
  assert.equal((await wire.close()).code, 4000);
});

test('a foreign origin is refused with 4009', async (t) => {
  const server = await fanfare(t, { app: { allowed_origins: ['https://*.chat.example'] } });
  const foreign = new Wire(server, { headers: { origin: 'https://evil.example' } });
  assert.equal((await foreign.close()).code, 4009);
  await new Wire(server, { headers: { origin: 'https://www.chat.example' } }).open();
});

test('protocol versions: 4 to 7 are taken, others told why not', async (t) => {
  const server = await fanfare(t);
  for (const version of [4, 5, 6, 7]) await new Wire(server, { query: `protocol=${version}` }).open();
  for (const [query, code] of [['protocol=8', 4007], ['protocol=x', 4006], ['', 4008]]) {
    assert.equal((await new Wire(server, { query }).close()).code, code);
  }
});

test('a short activity timeout: pings keep an idle client connected', async (t) => {
  const server = await fanfare(t, { app: { activity_timeout: '1s', pong_timeout: '1m' } });
  const client = await server.connected({ activityTimeout: 60_000 });
  const pongs = [];
  client.connection.bind('message', (m) => pongs.push(m.event));
  await until('two pongs', () => pongs.filter((e) => e === 'pusher:pong').length >= 2);
  assert.equal(client.connection.state, 'connected');
});

test('wrong signatures are errors on the channel, and keep the connection', async (t) => {
  const server = await fanfare(t);
  const client = await server.connected({
    channelAuthorization: { customHandler: (_, done) => done(null, { auth: 'app-key:' + '0'.repeat(64), channel_data: '{"user_id":"1"}' }) },
  });
  const errors = [];
  client.connection.bind('error', (e) => errors.push(e.data));
  for (const name of ['private-x', 'presence-x']) {
    const log = new Log(client.subscribe(name));
    const error = await log.next('pusher:subscription_error');
    assert.equal(error.type, 'AuthError');
    assert.equal(error.status, 401);
    assert.match(error.error, new RegExp(`^Invalid signature: Expected HMAC SHA256 hex digest of ${client.connection.socket_id}:${name}`));
    assert.deepEqual(errors.shift(), { code: null, message: error.error });
    assert.deepEqual(log.entries.map((e) => e.event), ['pusher:subscription_error']);
  }
  await subscribed(client, 'public');
  assert.deepEqual(errors, []);
});

test('a refusal on an encrypted channel is an error that names no channel, and nothing else', async (t) => {
  const server = await fanfare(t);
  const wire = await new Wire(server).open();
  wire.send({ event: 'pusher:subscribe', data: { channel: 'private-encrypted-x', auth: 'app-key:0' } });
  wire.send({ event: 'pusher:ping', data: {} });
  const { event, data, ...rest } = JSON.parse(await wire.next());
  assert.deepEqual([event, data.code, rest], ['pusher:error', null, {}]);
  assert.match(data.message, /^Invalid signature: .*private-encrypted-x/);
  assert.equal(JSON.parse(await wire.next()).event, 'pusher:pong');
});

test('30 s of activity timeout are announced, below what proxies cut', async (t) => {
  const server = await fanfare(t);
  assert.equal(JSON.parse(JSON.parse(await new Wire(server).next()).data).activity_timeout, 30);
});

test('every frame has data, and it is a string in all but errors', async (t) => {
  const server = await fanfare(t, { app: { subscription_count: true } });
  const frames = [];
  const gather = (client) => client.connection.connection.transport.bind('message', (m) => frames.push(JSON.parse(m.data)));
  const client = await server.connected({ user: { id: '7' }, watchlist: ['8'] });
  gather(client);
  client.signin();
  await client.user.signinDonePromise;
  await subscribed(client, 'news');
  await new Log(client.subscribe('a b')).next('pusher:subscription_error');
  const cached = await subscribed(client, 'presence-cache-x');
  await cached.log.next('pusher:cache_miss');
  const other = await subscribed(await server.connected({ user: { id: '8' } }), 'presence-cache-x');
  await cached.log.next('pusher:member_added');
  other.unsubscribe();
  await cached.log.next('pusher:member_removed');
  client.connection.connection.ping();
  await until('a pong', () => frames.some((f) => f.event === 'pusher:pong'));
  const kinds = Object.fromEntries(frames.map((f) => [f.event, typeof f.data]));
  assert.deepEqual(kinds, {
    'pusher:signin_success': 'string', 'pusher_internal:watchlist_events': 'string', 'pusher_internal:subscription_succeeded': 'string',
    'pusher_internal:subscription_count': 'string', 'pusher:error': 'object', 'pusher:subscription_error': 'string',
    'pusher:cache_miss': 'string', 'pusher_internal:member_added': 'string', 'pusher_internal:member_removed': 'string', 'pusher:pong': 'string',
  });
});

test('messages that make no sense are errors with a null code, and keep the connection', async (t) => {
  const server = await fanfare(t);
  const wire = await new Wire(server).open();
  for (const nonsense of ['{', '[]', 'null', '{"event":5}', '{"event":"pusher:nothing"}', '{"event":"pusher_internal:member_added","channel":"x"}', '[['.repeat(20_000)]) {
    wire.send(nonsense);
    const answer = JSON.parse(await wire.next());
    assert.equal(answer.event, 'pusher:error');
    assert.equal(answer.data.code, null);
  }
  wire.send({ event: 'pusher:ping', data: {} });
  assert.equal(await wire.next(), '{"event":"pusher:pong","data":"{}"}');
});

for (const [way, options] of [['WebSocket', {}], ['streaming', { enabledTransports: ['xhr_streaming'] }], ['polling', { enabledTransports: ['xhr_polling'] }]]) {
  test(`a subscription with too much channel_data is refused on its channel, and the others go on (${way})`, async (t) => {
    const server = await fanfare(t);
    const client = await server.connected({
      user: { id: '1', info: 'x'.repeat(70_000) }, httpHost: '127.0.0.1', httpPort: server.port, ...options,
    });
    const states = [];
    client.connection.bind('state_change', ({ current }) => states.push(current));
    const other = await subscribed(client, 'other');
    const error = await new Log(client.subscribe('presence-x')).next('pusher:subscription_error');
    assert.equal(error.type, 'LimitReached');
    assert.equal(error.status, 413);
    await server.sdk.trigger('other', 'e', 1);
    assert.equal(await other.log.next('e'), 1);
    assert.deepEqual(states, []);
  });
}

test('after a crash clients reconnect and are subscribed again', async (t) => {
  const server = await fanfare(t);
  const client = await server.connected();
  const channel = await subscribed(client, 'news');
  await server.stop('SIGKILL');
  await until('the loss is noticed', () => client.connection.state !== 'connected');
  await server.start();
  await channel.log.next('pusher:subscription_succeeded');
  await server.sdk.trigger('news', 'back', 1);
  assert.equal(await channel.log.next('back'), 1);
});

// Alone, nobody listens until the next process does: 4100 has clients wait a
// second for it. With a successor 4200 sends them there at once.
for (const [successor, code] of [[false, 4100], [true, 4200]]) {
  test(`SIGTERM, successor ${successor}: accepted events arrive, sockets are closed ${code}, exit code 0`, async (t) => {
    const server = await fanfare(t, { shutdown: { successor, spread: '100ms' } });
    const wires = await Promise.all(Array.from({ length: 20 }, () => new Wire(server).open()));
    for (const wire of wires) {
      wire.send({ event: 'pusher:subscribe', data: { channel: 'news' } });
      await until('the subscription', () => wire.messages.some((m) => m.includes('subscription_succeeded')));
    }
    await server.sdk.trigger('news', 'last-words', {});
    const exit = server.stop('SIGTERM');
    for (const wire of wires) {
      assert.equal((await wire.close()).code, code);
      assert.ok(wire.messages.some((m) => m.includes('last-words')));
    }
    assert.equal(await exit, 0);
  });
}

test('SIGHUP: sockets of an app that was disabled are closed with 4003', async (t) => {
  const server = await fanfare(t);
  const wire = await new Wire(server).open();
  server.config.apps[0].enabled = false;
  await writeFile(server.file, JSON.stringify(server.config));
  server.child.kill('SIGHUP');
  assert.equal((await wire.close()).code, 4003);
  await assert.rejects(server.sdk.trigger('news', 'e', {}), (err) => err.status === 403);
});
