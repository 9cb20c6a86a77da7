// Clients and back ends cannot tell a cluster from one big node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cluster } from '../support/cluster.mjs';
import { Observer } from '../support/presence.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';

const ann = { id: 'ann', info: { name: 'Ann' } };
const bob = { id: 'bob', info: { name: 'Bob' } };
const get = async (sdk, path, params) => (await sdk.get({ path, params })).json();

test('tabs of a user on three nodes are one member, whom every node lists until the last is closed', async (t) => {
  const { nodes, sdk } = await cluster(t, 3);
  const observers = [];
  for (const [n, node] of nodes.entries()) observers.push(await Observer.on(node, 'presence-room', { id: `observer-${n}` }));
  const all = observers.map((_, n) => `observer-${n}`);
  const tabs = [];
  for (const node of nodes) tabs.push(await Observer.on(node, 'presence-room', bob));
  for (const o of [...observers, ...tabs]) await o.sees([...all, 'bob']);
  for (const node of nodes) {
    await until('the last tab is counted here too', async () =>
      (await get(node.sdk, '/channels/presence-room', { info: 'subscription_count' })).subscription_count === 6);
    const { users } = await get(node.sdk, '/channels/presence-room/users');
    assert.deepEqual(users.map((u) => u.id).sort(), ['bob', ...all]);
    assert.deepEqual(await get(node.sdk, '/channels/presence-room', { info: 'user_count,subscription_count' }),
      { occupied: true, user_count: 4, subscription_count: 6 });
    assert.deepEqual(await get(node.sdk, '/channels', { filter_by_prefix: 'presence-', info: 'user_count' }),
      { channels: { 'presence-room': { user_count: 4 } } });
  }
  tabs[0].client.disconnect();
  tabs[2].client.disconnect();
  await until('two tabs are closed', async () =>
    (await get(sdk, '/channels/presence-room', { info: 'subscription_count' })).subscription_count === 4);
  for (const o of observers) {
    await settled(sdk, o.channel);
    assert.equal(o.count('removed', 'bob'), 0);
  }
  tabs[1].client.disconnect();
  for (const o of observers) {
    await o.sees(all);
    assert.deepEqual([o.count('added', 'bob'), o.count('removed', 'bob')], [1, 1]);
    o.alternates();
  }
});

test('events from any node reach the subscribers of all, in the order of the back end', async (t) => {
  const { nodes, sdk } = await cluster(t, 3);
  const readers = [];
  for (const node of nodes) readers.push(await subscribed(node.client(), 'news'));
  const sent = Array.from({ length: 60 }, (_, n) => n);
  for (const n of sent) await sdk.trigger('news', 'n', n); // one node after the other
  for (const reader of readers) {
    await until('all events', () => reader.log.all('n').length >= sent.length);
    await settled(sdk, reader);
    assert.deepEqual(reader.log.all('n'), sent);
  }
});

test('client events reach the other nodes, and not their sender', async (t) => {
  const { nodes, sdk } = await cluster(t, 2);
  const here = await subscribed(nodes[0].client(), 'private-chat');
  const beside = await subscribed(nodes[0].client(), 'private-chat');
  const there = await subscribed(nodes[1].client(), 'private-chat');
  for (let n = 0; n < 5; n++) here.trigger('client-n', { n });
  for (const other of [beside, there]) {
    await until('all events', () => other.log.all('client-n').length >= 5);
    await settled(sdk, other);
    assert.deepEqual(other.log.all('client-n').map((d) => d.n), [0, 1, 2, 3, 4]);
  }
  await settled(sdk, here);
  assert.deepEqual(here.log.all('client-n'), []);
});

test('a trigger with socket_id leaves that socket out, on whatever node it is', async (t) => {
  const { nodes } = await cluster(t, 2);
  const [one, two] = [nodes[0].client(), nodes[1].client()];
  const channels = [await subscribed(one, 'news'), await subscribed(two, 'news')];
  await nodes[1].sdk.trigger('news', 'e', 1, { socket_id: one.connection.socket_id });
  assert.equal(await channels[1].log.next('e'), 1);
  await settled(nodes[1].sdk, channels[0]);
  assert.deepEqual(channels[0].log.all('e'), []);
});

test('a cache channel gives its event to who comes on another node', async (t) => {
  const { nodes } = await cluster(t, 2);
  await nodes[0].sdk.trigger('cache-scores', 'goal', { n: 1 });
  const late = await subscribed(nodes[1].client(), 'cache-scores');
  assert.deepEqual(await late.log.next('goal'), { n: 1 });
  const missed = await subscribed(nodes[1].client(), 'cache-empty');
  await missed.log.next('pusher:cache_miss');
});

test('the limit of members holds over all nodes', async (t) => {
  const { nodes } = await cluster(t, 2, { app: { limits: { max_presence_members: 1 } } });
  await subscribed(nodes[0].client({ user: ann }), 'presence-room');
  await subscribed(nodes[1].client({ user: ann }), 'presence-room');
  const error = await new Log(nodes[1].client({ user: bob }).subscribe('presence-room')).next('pusher:subscription_error');
  assert.equal(error.type, 'LimitReached');
});

/** A pusher-js that is signed in, with what its user and its watchlist hear. */
async function signedIn(node, id, watchlist) {
  const client = await node.connected({ user: { id, info: { name: id } }, watchlist });
  const log = new Log(client.user);
  const watch = new Log({ bind_global: (f) => ['online', 'offline'].forEach((e) => client.user.watchlist.bind(e, (d) => f(e, d))) });
  client.signin();
  await client.user.signinDonePromise;
  return { client, log, watch };
}

test('signed-in users: watchers, events to a user and terminate work over nodes', async (t) => {
  const { nodes, sdk } = await cluster(t, 3);
  const { watch } = await signedIn(nodes[0], 'ann', ['bob']);
  assert.deepEqual((await watch.next('offline')).user_ids, ['bob']);
  const tabs = [await signedIn(nodes[1], 'bob'), await signedIn(nodes[2], 'bob')];
  assert.deepEqual((await watch.next('online')).user_ids, ['bob']);
  await sdk.sendToUser('bob', 'hello', { n: 1 });
  for (const { log } of tabs) assert.deepEqual(await log.next('hello'), { n: 1 });
  await sdk.terminateUserConnections('bob');
  for (const { client } of tabs) await until('the tab is closed', () => client.connection.state === 'disconnected');
  assert.deepEqual((await watch.next('offline')).user_ids, ['bob']);
  assert.equal(watch.all('online').length, 1);
});

test('subscription counts are those of all nodes', async (t) => {
  const { nodes } = await cluster(t, 2, { app: { subscription_count: true } });
  const first = await subscribed(nodes[0].client(), 'news');
  const second = await subscribed(nodes[1].client(), 'news');
  for (const channel of [first, second]) await until('the count', () => channel.subscriptionCount === 2);
});
