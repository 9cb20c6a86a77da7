// Back ends hear from a cluster what they hear from one big node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { acquainted, cluster, metric, node } from '../support/cluster.mjs';
import { Endpoint } from '../support/endpoint.mjs';
import { Observer } from '../support/presence.mjs';
import { subscribed, until } from '../support/wait.mjs';

const room = 'presence-room';
const bob = { id: 'bob', info: { name: 'Bob' } };

/** A cluster whose nodes tell an endpoint. */
async function hooked(t, count, app = {}) {
  const sink = await new Endpoint().open(t);
  const config = { webhooks: { grace: '1s' }, app: { ...app, webhooks: [{ url: sink.url }] } };
  const all = await cluster(t, count, config);
  await acquainted(all.nodes); // before, more than one may deliver
  return { sink, config, ...all };
}

/** Which of the nodes delivers the webhooks of the only channel. */
async function keeper(nodes) {
  const keeps = await Promise.all(nodes.map((n) => metric(n, 'fanfare_cluster_keeper_partitions')));
  assert.equal(keeps.filter((n) => n > 0).length, 1, `they keep ${keeps}`);
  return keeps.findIndex((n) => n > 0);
}

/** What was told, as `name user` or `name channel`. */
const told = (sink) => sink.events.map((e) => `${e.name} ${e.user_id ?? e.channel}`);

/** Each is told to come and go in turn, and after the death of who delivers perhaps again. */
function alternates(sink, { again = false } = {}) {
  const there = new Map();
  for (const e of sink.events) {
    const comes = ['channel_occupied', 'member_added'].includes(e.name);
    if (!comes && !['channel_vacated', 'member_removed'].includes(e.name)) continue;
    const what = `${e.channel} ${e.user_id}`;
    if (!again) assert.equal(there.get(what) ?? false, !comes, `${e.name} of ${what} in\n${told(sink).join('\n')}`);
    there.set(what, comes);
  }
  return there;
}

test('tabs on two nodes: one coming, and one going after kill -9 of the node with the last', async (t) => {
  const { sink, nodes } = await hooked(t, 2);
  const tabs = [];
  for (const server of nodes) tabs.push(await Observer.on(server, room, bob));
  await sink.event({ name: 'member_added', user_id: 'bob' });
  const lives = await keeper(nodes); // what it has in its hands when it is killed may come again
  const dies = 1 - lives;
  const ann = await Observer.on(nodes[lives], room, { id: 'ann', info: {} });
  await sink.event({ name: 'member_added', user_id: 'ann' });
  tabs[lives].client.disconnect();
  nodes[dies].child.kill('SIGKILL');
  nodes[dies].clients.forEach((c) => c.disconnect());
  await sink.event({ name: 'member_removed', user_id: 'bob' });
  ann.client.disconnect();
  await sink.event({ name: 'channel_vacated', channel: room });
  assert.deepEqual(told(sink), [
    `channel_occupied ${room}`, 'member_added bob', 'member_added ann', 'member_removed bob', 'member_removed ann', `channel_vacated ${room}`,
  ]);
});

test('the node that delivers is killed: another goes on, and nothing is lost', async (t) => {
  const { sink, nodes, redis, config } = await hooked(t, 2);
  await Observer.on(nodes[0], room, bob);
  await sink.event({ name: 'member_added', user_id: 'bob' });
  const dies = await keeper(nodes);
  const lives = 1 - dies;
  sink.manner = 'resets'; // what it collects from here on is never told
  const watcher = await Observer.on(nodes[lives], room, { id: 'ann', info: {} });
  await until('the keeper has tried', () => sink.requests.some((r) => r.body.includes('"ann"')));
  nodes[dies].child.kill('SIGKILL');
  nodes[dies].clients.forEach((c) => c.disconnect());
  sink.manner = 'answers';
  await sink.event({ name: 'member_added', user_id: 'ann' });
  if (dies === 0) await sink.event({ name: 'member_removed', user_id: 'bob' });
  await node(t, redis, 'node-3', config);
  watcher.client.disconnect();
  await sink.event({ name: 'member_removed', user_id: 'ann' });
  const there = alternates(sink, { again: true });
  assert.equal(there.get(`${room} ann`), false);
  assert.equal(there.get(`${room} bob`), dies !== 0);
});

test('redis restarts without its data: nobody is told twice, and who leaves is told', async (t) => {
  const { sink, nodes, redis } = await hooked(t, 2);
  const tabs = [await Observer.on(nodes[0], room, bob), await Observer.on(nodes[1], room, { id: 'ann', info: {} })];
  await sink.event({ name: 'member_added', user_id: 'bob' });
  await sink.event({ name: 'member_added', user_id: 'ann' });
  await redis.restart({ data: false });
  tabs[1].client.disconnect();
  await sink.event({ name: 'member_removed', user_id: 'ann' });
  await Observer.on(nodes[1], room, { id: 'carl', info: {} });
  await sink.event({ name: 'member_added', user_id: 'carl' });
  assert.deepEqual([...alternates(sink)].filter(([, there]) => there).map(([who]) => who).sort(),
    [`${room} bob`, `${room} carl`, `${room} undefined`]);
});

test('what clients send, and counts, are told once, in the order of the channel', async (t) => {
  const { sink, nodes } = await hooked(t, 2, { subscription_count: true, client_events: true });
  const here = await subscribed(nodes[0].client(), 'private-chat');
  await subscribed(nodes[1].client(), 'private-chat');
  for (let n = 0; n < 5; n++) here.trigger('client-n', { n });
  await sink.event({ name: 'client_event', data: '{"n":4}' });
  await sink.event({ name: 'subscription_count', subscription_count: 2 });
  assert.deepEqual(sink.events.filter((e) => e.name === 'client_event').map((e) => e.data), [0, 1, 2, 3, 4].map((n) => `{"n":${n}}`));
  assert.equal(sink.events.filter((e) => e.name === 'channel_occupied').length, 1);
});
