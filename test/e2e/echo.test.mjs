// laravel-echo 2 over pusher-js.
import assert from 'node:assert/strict';
import test from 'node:test';
import Echo from 'laravel-echo';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

function echo(server, options) {
  return new Echo({ broadcaster: 'pusher', key: 'app-key', client: server.client(options) });
}

// listen resolves with the first event.
const listen = (channel, event) => new Promise((done) => channel.listen(event, done));
const ready = (channel) => new Promise((done) => channel.subscribed(done));

test('echo: channel, with namespaced and dotted event names', async (t) => {
  const server = await fanfare(t);
  const channel = echo(server).channel('orders');
  const [shipped, custom] = [listen(channel, 'OrderShipped'), listen(channel, '.order.custom')];
  await ready(channel);
  await server.sdk.trigger('orders', 'App\\Events\\OrderShipped', { id: 1 });
  await server.sdk.trigger('orders', 'order.custom', { id: 2 });
  assert.deepEqual(await shipped, { id: 1 });
  assert.deepEqual(await custom, { id: 2 });
});

test('echo: private channel and whisper', async (t) => {
  const server = await fanfare(t);
  const [a, b] = [echo(server).private('room'), echo(server).private('room')];
  await Promise.all([ready(a), ready(b)]);
  const heard = new Promise((done) => b.listenForWhisper('typing', done));
  a.whisper('typing', { name: 'Ann' });
  assert.deepEqual(await heard, { name: 'Ann' });
});

test('echo: encrypted private channel', async (t) => {
  const server = await fanfare(t);
  const channel = echo(server).encryptedPrivate('vault');
  const opened = listen(channel, '.opened');
  await ready(channel);
  await server.sdk.trigger('private-encrypted-vault', 'opened', { gold: true });
  assert.deepEqual(await opened, { gold: true });
});

test('echo: presence channel: here, joining, leaving', async (t) => {
  const server = await fanfare(t);
  const seen = { here: null, joined: [], left: [] };
  echo(server, { user: { id: '1', info: { name: 'Ann' } } }).join('room')
    .here((users) => (seen.here = users)).joining((u) => seen.joined.push(u)).leaving((u) => seen.left.push(u));
  await until('here', () => seen.here);
  assert.deepEqual(seen.here, [{ name: 'Ann' }]);
  const other = echo(server, { user: { id: '2', info: { name: 'Bob' } } });
  other.join('room');
  await until('joining', () => seen.joined.length);
  other.leave('room');
  await until('leaving', () => seen.left.length);
  assert.deepEqual(seen, { here: [{ name: 'Ann' }], joined: [{ name: 'Bob' }], left: [{ name: 'Bob' }] });
});

test('echo: the error callback hears of a refusal by the server', async (t) => {
  const server = await fanfare(t);
  const refused = echo(server, {
    channelAuthorization: { customHandler: (_, done) => done(null, { auth: 'app-key:wrong' }) },
  }).private('room');
  const error = await new Promise((done) => refused.error(done));
  assert.equal(error.status, 401);
  assert.match(error.error, /^Invalid signature: /);
});
