// Signed-in users: events to a user, termination, watchlists.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Wire } from '../support/wire.mjs';
import { Log, subscribed, until } from '../support/wait.mjs';

const signedIn = async (server, id, watchlist) => {
  const client = await server.connected({ user: { id, info: { name: id } }, watchlist });
  const log = new Log(client.user);
  const watch = new Log({ bind_global: (f) => ['online', 'offline'].forEach((e) => client.user.watchlist.bind(e, (d) => f(e, d))) });
  client.signin();
  await client.user.signinDonePromise;
  return { client, log, watch };
};

test('sendToUser reaches every socket of the user, once each, and nobody else', async (t) => {
  const server = await fanfare(t);
  const [one, two, other] = [await signedIn(server, '7'), await signedIn(server, '7'), await signedIn(server, '8')];
  await server.sdk.sendToUser('7', 'notice', { text: 'hi' });
  await server.sdk.sendToUser('8', 'last', {});
  for (const { log } of [one, two]) assert.deepEqual(await log.next('notice'), { text: 'hi' });
  await other.log.next('last');
  assert.deepEqual(other.log.all('notice'), []);
  assert.equal(one.log.all('notice').length, 1);
});

test('sendToUser of somebody who is not here is no error', async (t) => {
  const server = await fanfare(t);
  assert.equal((await server.sdk.sendToUser('nobody', 'notice', {})).status, 200);
});

test('terminateUserConnections closes the user and only the user', async (t) => {
  const server = await fanfare(t);
  const [gone, stays] = [await signedIn(server, '7'), await signedIn(server, '8')];
  const errors = [];
  gone.client.connection.bind('error', (e) => errors.push(e.data?.code ?? e.error?.data?.code));
  assert.equal((await server.sdk.terminateUserConnections('7')).status, 200);
  await until('the user is disconnected', () => gone.client.connection.state === 'disconnected');
  assert.ok(errors.includes(4009));
  await subscribed(stays.client, 'still-here');
});

test('a bad sign-in gets an error and is closed with 4009', async (t) => {
  const server = await fanfare(t);
  const wire = await new Wire(server).open();
  wire.send({ event: 'pusher:signin', data: { auth: 'app-key:0000', user_data: '{"id":"7"}' } });
  assert.equal(JSON.parse(await wire.next()).data.code, 4009);
  assert.equal((await wire.close()).code, 4009);
});

test('watchers learn who is online, who comes and who goes', async (t) => {
  const server = await fanfare(t);
  const friend = await signedIn(server, 'friend');
  const me = await signedIn(server, 'me', ['friend', 'stranger']);
  assert.deepEqual((await me.watch.next('online')).user_ids, ['friend']);
  assert.deepEqual((await me.watch.next('offline')).user_ids, ['stranger']);
  await signedIn(server, 'stranger');
  assert.deepEqual((await me.watch.next('online')).user_ids, ['stranger']);
  friend.client.disconnect();
  assert.deepEqual((await me.watch.next('offline')).user_ids, ['friend']);
});

test('a reload within the grace is silent to watchers', async (t) => {
  const server = await fanfare(t, { users: { offline_grace: '5m' } });
  const me = await signedIn(server, 'me', ['friend']);
  await me.watch.next('offline');
  const friend = await signedIn(server, 'friend');
  await me.watch.next('online');
  friend.client.disconnect();
  await signedIn(server, 'friend');
  await server.sdk.sendToUser('me', 'mark', {});
  await me.log.next('mark');
  assert.equal(me.watch.entries.length, 2);
});

test('with authorized connections a socket must authorize in time', async (t) => {
  const server = await fanfare(t, { app: { require_authorization: true, authorization_timeout: '5s' } });
  const [idle, member] = [await server.connected(), await server.connected()];
  await subscribed(member, 'private-x');
  await until('the idle one is closed', () => idle.connection.state === 'disconnected');
  assert.equal(member.connection.state, 'connected');
});
