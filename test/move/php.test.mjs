// Requests signed as pusher-php-server signs them, sent by PHP.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Driver } from '../support/driver.mjs';
import { fanfare } from '../support/fanfare.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';

const php = new Driver('php', [fileURLToPath(new URL('php/driver.php', import.meta.url))]);
after(() => php.end());

const call = (method, ...args) => php.run(method, { with: args });

async function serve(t, { prefix = '', ...config } = {}) {
  const server = await fanfare(t, config);
  await call('make', 'app-key', 'app-secret', 'app-id', server.http + prefix);
  return server;
}

test('php: trigger, to many, and not to the sender', async (t) => {
  const server = await serve(t);
  const [a, b] = [await server.connected(), await server.connected()];
  const [mine, theirs] = [await subscribed(a, 'news'), await subscribed(b, 'news')];
  assert.deepEqual(await call('trigger', ['news', 'sport'], 'one', { text: 'é漢🎉 </script>' }), {});
  assert.deepEqual(await theirs.log.next('one'), { text: 'é漢🎉 </script>' });
  await call('trigger', ['news'], 'two', 'hello', { socket_id: a.connection.socket_id });
  assert.equal(await theirs.log.next('two'), 'hello');
  await settled(server.sdk, mine);
  assert.deepEqual(mine.log.all('two'), []);
});

test('php: triggerBatch, with keys that are not 0, 1, 2', async (t) => {
  const server = await serve(t);
  const news = await subscribed(await server.connected(), 'news');
  const batch = { 3: { channel: 'news', name: 'a', data: { n: 1 } }, 7: { channel: 'news', name: 'b', data: '2' } };
  assert.deepEqual(await call('triggerBatch', batch), {});
  assert.deepEqual(await news.log.next('a'), { n: 1 });
  assert.equal(await news.log.next('b'), 2);
});

test('php: an idempotency key among the parameters of trigger', async (t) => {
  const server = await serve(t);
  const news = await subscribed(await server.connected(), 'news');
  for (let i = 0; i < 3; i++) assert.deepEqual(await call('trigger', ['news'], 'e', { n: 1 }, { idempotency_key: 'order-1' }), {});
  await assert.rejects(call('trigger', ['news'], 'e', { n: 2 }, { idempotency_key: 'order-1' }), /^Error: 409 .*this idempotency key was used/);
  const event = (n) => ({ channel: 'news', name: 'e', data: { n }, idempotency_key: `order-${n}` });
  await call('triggerBatch', [event(2), event(3)]);
  await call('triggerBatch', [event(3), event(4)]);
  await settled(server.sdk, news);
  assert.deepEqual(news.log.all('e').map(({ n }) => n), [1, 2, 3, 4]);
});

test('php: lists in the query of get', async (t) => {
  const server = await serve(t);
  for (const id of ['7', '8']) await subscribed(await server.connected({ user: { id } }), 'presence-room');
  const both = { user_count: 2, subscription_count: 2 };
  const info = ['user_count', 'subscription_count'];
  assert.deepEqual(await call('get', '/channels/presence-room', { info }), { occupied: true, ...both });
  assert.deepEqual(await call('get', '/channels/presence-room', { info: info.join(',') }), { occupied: true, ...both });
  assert.deepEqual(await call('get', '/channels', { filter_by_prefix: 'presence-', info }), { channels: { 'presence-room': both } });
  assert.deepEqual(await call('get', '/channels', { filter_by_prefix: 'presence- +&', info: ['user_count'] }), { channels: {} });
  assert.deepEqual(await call('get', '/channels/presence-room/users'), { users: [{ id: '7' }, { id: '8' }] });
  await until('both are counted', async () => (await call('get', '/connections')).connections === 2); // nodes tell each other with their beats
  await assert.rejects(call('get', '/channels', { info: ['user_count'] }), /^Error: 400 .*user_count may only be requested for presence channels/);
});

test('php: below a path, signed without it', async (t) => {
  await serve(t, { path_prefix: '/realtime', prefix: '/realtime' });
  assert.deepEqual(await call('trigger', ['news'], 'e', 1), {});
  assert.deepEqual(await call('get', '/channels', { filter_by_prefix: 'a', info: ['subscription_count'] }), { channels: {} });
});

test('php: a secret that is not the app’s is refused with 401', async (t) => {
  const server = await serve(t);
  await call('make', 'app-key', 'wrong', 'app-id', server.http);
  await assert.rejects(call('get', '/channels'), /^Error: 401 .*Invalid signature/);
});

test('php: what it signs for clients, and users', async (t) => {
  const server = await serve(t);
  const client = await server.connected({
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => {
      const signed = channelName.startsWith('presence-')
        ? call('authorizePresenceChannel', channelName, socketId, '7', { name: 'Ann/Bö' })
        : call('authorizeChannel', channelName, socketId);
      signed.then((answer) => done(null, answer), done);
    } },
    userAuthentication: { customHandler: ({ socketId }, done) => call('authenticateUser', socketId, { id: '7', name: 'Ann' }).then((a) => done(null, a), done) },
  });
  await subscribed(client, 'private-x');
  const room = await subscribed(client, 'presence-room');
  assert.deepEqual(room.members.me, { id: '7', info: { name: 'Ann/Bö' } });
  const log = new Log(client);
  client.signin();
  await log.next('pusher:signin_success');
  const ends = new Log(client.connection);
  await call('terminateUserConnections', '7');
  await ends.next('disconnected');
});
