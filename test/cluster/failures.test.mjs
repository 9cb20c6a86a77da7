// What the page docs/cluster.md promises for each failure, with real processes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cluster, node } from '../support/cluster.mjs';
import { Observer, Publisher } from '../support/presence.mjs';
import { settled, subscribed, until } from '../support/wait.mjs';

const sleep = (ms) => new Promise((resume) => setTimeout(resume, ms));
const room = 'presence-room';
const get = async (sdk, path, params) => (await sdk.get({ path, params })).json();

/** Three nodes, an observer on each, and a back end that publishes to them all. */
async function running(t, config) {
  const c = await cluster(t, 3, config);
  c.observers = []; // from the beginning
  c.later = []; // those who came later
  for (const [n, server] of c.nodes.entries()) c.observers.push(await Observer.on(server, room, { id: `observer-${n}` }));
  c.everyone = c.observers.map((_, n) => `observer-${n}`);
  for (const o of c.observers) await o.sees(c.everyone);
  c.publisher = new Publisher(c.sdk, room);
  await c.publisher.goes(10);
  return c;
}

/** Has somebody come, and whoever is there see that. */
async function comes(c, server, id) {
  c.everyone.push(id);
  c.later.push(await Observer.on(server, room, { id }));
}

/** Ends the publisher and holds what the observers heard against what they may hear. */
async function judge({ sdk, publisher, observers, later, nodes, everyone }, { stayed = observers, gone = [] } = {}) {
  await publisher.stop();
  for (const o of stayed) {
    const who = everyone[observers.indexOf(o)];
    assert.ok(o.stayed, `${who} lost its connection: ${o.states}`);
    await publisher.reached(o.channel, who);
  }
  for (const o of [...observers, ...later].filter((o) => o.stayed)) {
    o.alternates();
    for (const id of everyone.filter((id) => !gone.includes(id))) assert.equal(o.count('removed', id), 0, `${id} never left`);
  }
  const present = everyone.filter((id) => !gone.includes(id)).sort();
  for (const server of nodes.filter((n) => n.child.exitCode === null && n.child.signalCode === null)) {
    await until('the list is right', async () => {
      const { users } = await get(server.sdk, `/channels/${room}/users`).catch(() => ({ users: [] }));
      return users.map((u) => u.id).sort().join() === present.join();
    });
  }
  for (const o of stayed) await settled(sdk, o.channel);
}

test('kill -9 of a node: its members are removed once, and only those who are not back', async (t) => {
  const c = await running(t);
  const [, , dies] = c.nodes;
  const back = [];
  for (let n = 0; n < 5; n++) await Observer.on(dies, room, { id: `gone-${n}` });
  for (let n = 0; n < 5; n++) {
    await Observer.on(dies, room, { id: `back-${n}` });
    back.push(`back-${n}`);
  }
  const [one, two] = c.observers;
  for (const o of [one, two]) await until('ten members have come', () => o.ids.length === 13);
  await dies.stop('SIGKILL');
  for (const client of dies.clients) client.disconnect();
  for (const id of back) await Observer.on(c.nodes[0], room, { id });
  const left = ['observer-0', 'observer-1', ...back];
  for (const o of [one, two]) {
    await o.sees(left);
    for (const id of back) assert.equal(o.count('removed', id), 0, `${id} was back in time`);
    for (let n = 0; n < 5; n++) assert.deepEqual([o.count('added', `gone-${n}`), o.count('removed', `gone-${n}`)], [1, 1]);
  }
  c.everyone.push(...back);
  await judge(c, { stayed: [one, two], gone: ['observer-2'] });
});

test('a node that is stopped for 5 s: everything comes late and nothing is lost', async (t) => {
  const c = await running(t);
  c.nodes[2].child.kill('SIGSTOP');
  await comes(c, c.nodes[0], 'late');
  await sleep(5000);
  c.nodes[2].child.kill('SIGCONT');
  await c.publisher.goes(20);
  for (const o of [...c.observers, ...c.later]) await o.sees(c.everyone);
  await judge(c);
});

for (const data of [true, false]) {
  test(`Redis restarted ${data ? 'with its data' : 'empty'}: nobody is removed, no accepted event is lost`, async (t) => {
    const c = await running(t);
    await c.redis.stop('SIGTERM');
    await until('events are refused', () => c.publisher.refused.length + c.publisher.doubtful.length > 0);
    await c.redis.restart({ data });
    await c.publisher.goes(20);
    await comes(c, c.nodes[1], 'new');
    for (const o of [...c.observers, ...c.later]) await o.sees(c.everyone);
    await judge(c);
  });
}

test('Redis does nothing for 10 s: nobody is judged, no accepted event is lost', async (t) => {
  const c = await running(t);
  c.redis.pause();
  await sleep(10_000);
  c.redis.resume();
  await c.publisher.goes(20);
  await judge(c);
});

test('a rolling restart under load: who moves to another node is never told as gone', async (t) => {
  const c = await cluster(t, 3, { shutdown: { successor: true, delay: '500ms', spread: '1s' } });
  c.observers = [];
  for (let n = 0; n < 6; n++) {
    c.observers.push(await Observer.on(c.nodes[0], room, { id: `person-${n}` }, { wsPort: c.front.port }));
  }
  c.everyone = c.observers.map((_, n) => `person-${n}`);
  for (const o of c.observers) await o.sees(c.everyone);
  c.publisher = new Publisher(c.sdk, 'news');
  for (const server of c.nodes) {
    await c.publisher.goes(10);
    assert.equal(await server.stop('SIGTERM'), 0, server.log);
    await server.start();
  }
  for (const o of c.observers) {
    await until('all are connected', () => o.client.connection.state === 'connected');
    await o.sees(c.everyone);
    o.alternates();
    for (const id of c.everyone) assert.equal(o.count('removed', id), 0, `${id} is told as gone: ${JSON.stringify(o.heard)}`);
  }
  const { accepted, doubtful, refused } = await c.publisher.stop();
  assert.deepEqual([doubtful, refused], [[], []], `${accepted.length} events were accepted`);
});

test('a node that starts later joins in, and one that ends by SIGTERM leaves at once', async (t) => {
  const c = await running(t);
  const fourth = await node(t, c.redis, 'node-4');
  const guest = await Observer.on(fourth, room, { id: 'guest' });
  for (const o of c.observers) await o.sees([...c.everyone, 'guest']);
  const reader = await subscribed(fourth.client(), 'news');
  await c.sdk.trigger('news', 'e', 1);
  assert.equal(await reader.log.next('e'), 1);
  for (const client of fourth.clients) client.unbind_all();
  const exit = fourth.stop('SIGTERM');
  await until('the guest is disconnected', () => guest.client.connection.state !== 'connected');
  for (const client of fourth.clients) client.disconnect();
  const began = Date.now();
  for (const o of c.observers) {
    await o.sees(c.everyone);
    assert.deepEqual([o.count('added', 'guest'), o.count('removed', 'guest')], [1, 1]);
  }
  t.diagnostic(`the guest was removed after ${Date.now() - began} ms`);
  assert.equal(await exit, 0);
  await judge(c);
});
