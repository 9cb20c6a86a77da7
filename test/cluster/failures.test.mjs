// What the page docs/cluster.md promises when a node fails, with real processes.
// `Town` judges everything that anybody heard.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cluster, node } from '../support/cluster.mjs';
import { Person, room } from '../support/person.mjs';
import { Observer } from '../support/presence.mjs';
import { Town, lasts } from '../support/town.mjs';
import { settled, subscribed, until } from '../support/wait.mjs';

test('nothing fails: people in Node and Chromium, with tabs on all nodes, hear everything', async (t) => {
  const town = await Town.open(t, { page: true });
  await town.leaves(await town.comes(1, 'late-2'));
  await town.goes(50);
  await town.judge();
});

test('kill -9 of a node: its members are removed once, and only those who are not back', async (t) => {
  const town = await Town.open(t);
  const back = await town.comes(2, 'late-1');
  await town.comes(2, 'late-2');
  await town.settles();
  await town.kill(2);
  await town.comes(0, back.id); // in time
  await town.judge({ repeats: true });
});

for (const [what, fails, recovers] of [
  ['stopped', (n) => n.child.kill('SIGSTOP'), (n) => n.child.kill('SIGCONT')],
  ['cut from Redis', (n) => n.line.cut(), (n) => n.line.heal()],
  ['deaf to Redis', (n) => n.line.cut({ up: false }), (n) => n.line.heal()],
]) {
  test(`a node that is ${what} for 5 s: everything comes late, nothing is lost or twice`, async (t) => {
    const town = await Town.open(t);
    fails(town.nodes[2]);
    await town.leaves(await town.comes(0, 'late-1'));
    await town.comes(1, 'late-2');
    await lasts(5000);
    recovers(town.nodes[2]);
    await town.goes(20);
    await town.judge();
  });
}

test('connections to Redis that break again and again', async (t) => {
  const town = await Town.open(t);
  for (let turn = 0; turn < 15; turn++) {
    const { line } = town.nodes[turn % 3];
    line.break();
    await town.publisher.goes(3);
  }
  await town.judge();
});

test('a user who is terminated while a node is cut from Redis: the sockets there are closed when it is back', async (t) => {
  const { nodes, sdk } = await cluster(t, 2);
  const tabs = [];
  for (const n of nodes) tabs.push(await Person.on(n, 'ann'));
  const guest = await Person.on(nodes[1], 'guest');
  nodes[1].line.cut();
  await until('the call is accepted', () => sdk.terminateUserConnections('ann').then(() => true, () => false));
  await until('the tab here is closed', () => tabs[0].pusher.connection.state === 'disconnected');
  assert.ok(tabs[1].connected);
  nodes[1].line.heal();
  await until('the tab there is closed', () => tabs[1].pusher.connection.state === 'disconnected');
  await guest.sees(['guest']);
  assert.ok(guest.connected && guest.connections.length === 1);
});

test('a rolling restart under load: who moves to another node is never told as gone', async (t) => {
  const town = await Town.open(t, { through: 'front', config: { shutdown: { successor: true, delay: '2s', spread: '1s' } } });
  for (const server of town.nodes) {
    await town.goes(10);
    assert.equal(await server.stop('SIGTERM'), 0, server.log);
    await server.start();
  }
  await town.judge({ moved: () => true });
  assert.deepEqual([town.publisher.doubtful, town.publisher.refused], [[], []]);
});

test('a node that starts later joins in, and one that ends by SIGTERM leaves at once', async (t) => {
  const c = await cluster(t, 3);
  const observers = [];
  for (const [n, server] of c.nodes.entries()) observers.push(await Observer.on(server, room, { id: `observer-${n}` }));
  const everyone = observers.map((_, n) => `observer-${n}`);
  const fourth = await node(t, c.redis, 'node-4');
  const guest = await Observer.on(fourth, room, { id: 'guest' });
  for (const o of observers) await o.sees([...everyone, 'guest']);
  const reader = await subscribed(fourth.client(), 'news');
  await c.sdk.trigger('news', 'e', 1);
  assert.equal(await reader.log.next('e'), 1);
  for (const client of fourth.clients) client.unbind_all();
  const exit = fourth.stop('SIGTERM');
  await until('the guest is disconnected', () => guest.client.connection.state !== 'connected');
  for (const client of fourth.clients) client.disconnect();
  const began = Date.now();
  for (const o of observers) {
    await o.sees(everyone);
    assert.deepEqual([o.count('added', 'guest'), o.count('removed', 'guest')], [1, 1]);
  }
  t.diagnostic(`the guest was removed after ${Date.now() - began} ms`);
  assert.equal(await exit, 0);
  for (const o of observers) {
    await settled(c.sdk, o.channel);
    o.alternates();
  }
});
