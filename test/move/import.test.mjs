// Apps of Reverb, soketi and Pusher: the configuration is imported, and libraries get another host.
import assert from 'node:assert/strict';
import test from 'node:test';
import Echo from 'laravel-echo';
import Sdk from 'pusher';
import Pusher from 'pusher-js';
import { Endpoint } from '../support/endpoint.mjs';
import { Log, subscribed, until } from '../support/wait.mjs';
import { imported } from './imported.mjs';

const json = async (url) => {
  const answer = await fetch(url);
  return [answer.status, await answer.json()];
};

// The options of Echo as Laravel's stub has them, with a back end that signs for a user.
function echo(server, app, options, user) {
  const made = new Echo({
    key: app.key, wsHost: '127.0.0.1', wsPort: server.port, wssPort: server.port, forceTLS: false, enabledTransports: ['ws', 'wss'],
    Pusher, channelAuthorization: server.options({ user }).channelAuthorization, ...options,
  });
  server.clients.push(made.connector.pusher);
  return made;
}

// What a Laravel app does: public, private and presence channels, whispers, toOthers.
async function isServed(server, app, options, room = 'room') {
  const [ann, bob] = ['Ann', 'Bob'].map((name, i) => echo(server, app, options, { id: `${i + 1}`, info: { name } }));
  const heard = [];
  for (const [who, one] of [['ann', ann], ['bob', bob]]) {
    await new Promise((done) => one.private(`${room}.orders`).listen('OrderShipped', (e) => heard.push([who, e.id]))
      .listenForWhisper('typing', (e) => heard.push([who, e.name])).subscribed(done));
  }
  const here = await new Promise((done) => ann.join(room).here(done));
  assert.deepEqual(here, [{ name: 'Ann' }]);
  const joined = new Promise((done) => ann.join(room).joining(done));
  bob.join(room);
  assert.deepEqual(await joined, { name: 'Bob' });

  await server.sdk.trigger(`private-${room}.orders`, 'App\\Events\\OrderShipped', { id: 1 });
  await server.sdk.trigger(`private-${room}.orders`, 'App\\Events\\OrderShipped', { id: 2 }, { socket_id: ann.socketId() });
  await until('all are heard', () => heard.length === 3);
  assert.deepEqual(heard.sort(), [['ann', 1], ['bob', 1], ['bob', 2]]);
  ann.private(`${room}.orders`).whisper('typing', { name: 'Ann' });
  await until('the whisper is heard', () => heard.length === 4);
  assert.deepEqual(heard.at(-1), ['bob', 'Ann']);
}

const reverb = { id: '740221', key: 'qwertzuiopasdfghjkly', secret: 'yxcvbnmasdfghjklqwer' };
const reverbEnv = `BROADCAST_CONNECTION=reverb
REVERB_APP_ID=${reverb.id}
REVERB_APP_KEY=${reverb.key}
REVERB_APP_SECRET=${reverb.secret}
REVERB_HOST="localhost"
REVERB_PORT=8080
REVERB_SCHEME=http
REVERB_SERVER_PATH=realtime
`;

test('move: from Reverb, with its .env: Echo and an SDK, Pulse and Forge', async (t) => {
  const server = await imported(t, { '.env': reverbEnv }, reverb);
  assert.match(server.told, /is written from Reverb: 1 app, clients on :8080/);
  await isServed(server, reverb, { broadcaster: 'reverb' });
  await isServed(server, reverb, { broadcaster: 'reverb', wsPath: '/realtime' }, 'other');

  const pulse = await server.sdk.get({ path: '/connections' });
  assert.deepEqual([pulse.status, await pulse.json()], [200, { connections: 4 }]);
  assert.deepEqual(await json(`${server.http}/up`), [200, { health: 'OK' }]);
  assert.deepEqual(await json(`${server.http}/realtime/up`), [200, { health: 'OK' }]);
});

test('move: from Reverb, with its array: the apps that it has', async (t) => {
  const second = { id: '2', key: 'second-key', secret: 'second-secret' };
  const array = `<?php return ['servers' => ['reverb' => ['port' => env('REVERB_SERVER_PORT', 8080)]], 'apps' => ['provider' => 'config', 'apps' => [
    ['app_id' => env('REVERB_APP_ID'), 'key' => env('REVERB_APP_KEY'), 'secret' => env('REVERB_APP_SECRET'), 'allowed_origins' => ['*'], 'accept_client_events_from' => 'members'],
    ['app_id' => '2', 'key' => 'second-key', 'secret' => 'second-secret', 'allowed_origins' => ['app.example'], 'accept_client_events_from' => 'none', 'max_connections' => 1],
  ]]];`;
  const server = await imported(t, { 'reverb.php': array, '.env': reverbEnv }, reverb);
  await isServed(server, reverb, { broadcaster: 'reverb' });
  const sdk = server.sdkOf(second);
  const client = await server.connected({ key: second.key, sdk });
  const channel = await subscribed(client, 'private-a');
  channel.trigger('client-x', {});
  const errors = new Log(client.connection);
  const refusal = await errors.next('error');
  assert.match(refusal.data.message, /client/i);
  const surplus = server.client({ key: second.key, sdk });
  const log = new Log(surplus.connection);
  assert.equal((await log.next('error')).error.data.code, 4004);
});

const shop = { id: 'shop', key: 'shop-key', secret: 'shop-secret' };

test('move: from soketi, with its JSON and variables: Echo and an SDK, webhooks, checks, usage', async (t) => {
  const endpoint = await new Endpoint({ ...shop, id: '1001' }).open(t);
  const config = {
    port: 6002, 'presence.maxMembersPerChannel': 2, 'metrics.enabled': true,
    'appManager.array.apps': [{ ...shop, enableClientMessages: true, webhooks: [{ url: endpoint.url, event_types: ['channel_occupied', 'member_added'] }] }],
  };
  const server = await imported(t, { 'soketi.json': JSON.stringify(config), 'soketi.env': 'SOKETI_PATH_PREFIX=/ws\nSOKETI_SHUTDOWN_GRACE_PERIOD=3000\n' }, shop);
  assert.match(server.told, /is written from soketi: 1 app, clients on :6002\none key could not be carried over/);
  assert.match(server.text, /# SOKETI_SHUTDOWN_GRACE_PERIOD is not carried over/);
  await isServed(server, shop, { broadcaster: 'pusher', cluster: 'mt1' });
  await endpoint.event({ name: 'channel_occupied', channel: 'private-room.orders' });
  await endpoint.event({ name: 'member_added', channel: 'presence-room', user_id: '2' });
  await endpoint.validate();

  // An event of 100 KB, and no third member.
  const client = await server.connected({ key: shop.key });
  const news = await subscribed(client, 'news');
  await server.sdk.trigger('news', 'large', 'x'.repeat(60_000));
  assert.equal((await news.log.next('large')).length, 60_000);
  const third = await server.connected({ key: shop.key, user: { id: '3' } });
  const full = new Log(third.subscribe('presence-room'));
  assert.match((await full.next('pusher:subscription_error')).error, /members/);

  for (const path of ['/ready', '/ws/ready', '/accept-traffic']) assert.equal(await fetch(server.http + path).then((r) => r.text()), 'OK');
  assert.equal((await fetch(server.http)).status, 200);
  const [, usage] = await json(`${server.metrics}/usage`);
  assert.deepEqual(Object.keys(usage.memory), ['free', 'used', 'total', 'percent']);
  assert.ok(usage.memory.used > 0);
  assert.equal(await fetch(`${server.metrics}/ready`).then((r) => r.text()), 'OK');
  assert.match(await fetch(`${server.metrics}/metrics`).then((r) => r.text()), /fanfare_sockets\{app="shop"\} 4/);
});

test('move: from Pusher, with the keys of its tool: pusher-js and an SDK get a host', async (t) => {
  const tokens = [{ key: 'old-key', secret: 'old-secret' }, { key: 'new-key', secret: 'new-secret' }];
  const server = await imported(t, { 'tokens.json': JSON.stringify(tokens) }, { id: '123456', ...tokens[0] }, ['--id', '123456']);
  assert.match(server.told, /is written from Pusher: 1 app/);
  for (const token of tokens) {
    const host = { host: '127.0.0.1', port: String(server.port), useTLS: false };
    const sdk = new Sdk({ appId: '123456', ...token, cluster: 'eu', ...host });
    const client = await server.connected({ key: token.key, cluster: 'eu', sdk });
    const channel = await subscribed(client, 'private-x');
    await sdk.trigger('private-x', 'e', token.key);
    assert.equal(await channel.log.next('e'), token.key);
  }
  await isServed(server, tokens[0], { broadcaster: 'pusher', cluster: 'eu' });
});
