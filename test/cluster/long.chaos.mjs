// Failures that last longer than the log reaches or than a node is waited for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cluster } from '../support/cluster.mjs';
import { Observer, Publisher } from '../support/presence.mjs';
import { settled, until } from '../support/wait.mjs';

const sleep = (ms) => new Promise((resume) => setTimeout(resume, ms));
const room = 'presence-room';

test('a node that is stopped for 60 s: its members are removed, and added again if they are still there', async (t) => {
  const { nodes, sdk } = await cluster(t, 3);
  const here = await Observer.on(nodes[0], room, { id: 'here' });
  const there = await Observer.on(nodes[2], room, { id: 'there' }, { activityTimeout: 120_000 });
  await here.sees(['here', 'there']);
  nodes[2].child.kill('SIGSTOP');
  await here.sees(['here']);
  await sleep(50_000);
  nodes[2].child.kill('SIGCONT');
  await here.sees(['here', 'there']);
  here.alternates();
  assert.deepEqual([here.count('removed', 'there'), here.count('added', 'there')], [1, 2]);
  await there.sees(['here', 'there']);
  there.alternates();
  assert.equal(there.count('removed', 'here'), 0);
  await settled(sdk, there.channel);
});

test('Redis away for 60 s: nobody is removed, and nothing that was accepted is lost', async (t) => {
  const { nodes, sdk, redis } = await cluster(t, 3);
  const observers = [];
  for (const [n, node] of nodes.entries()) observers.push(await Observer.on(node, room, { id: `observer-${n}` }));
  const everyone = observers.map((_, n) => `observer-${n}`);
  for (const o of observers) await o.sees(everyone);
  const publisher = new Publisher(sdk, room);
  await publisher.goes(10);
  await redis.stop('SIGTERM');
  await sleep(60_000);
  await redis.start();
  await publisher.goes(20);
  await publisher.stop();
  for (const o of observers) {
    assert.ok(o.stayed, `closed: ${o.states}`); // nothing was accepted meanwhile, so nothing was missed
    await publisher.reached(o.channel);
    o.alternates();
    for (const id of everyone) assert.equal(o.count('removed', id), 0);
  }
});

test('kill -9 of a node with 500 members: one removal each', async (t) => {
  const { nodes } = await cluster(t, 3, { app: { limits: { max_presence_members: 0 } } });
  const here = await Observer.on(nodes[0], room, { id: 'here' });
  const gone = Array.from({ length: 500 }, (_, n) => `gone-${n}`);
  await Promise.all(gone.map((id) => Observer.on(nodes[2], room, { id })));
  await here.sees(['here', ...gone]);
  await nodes[2].stop('SIGKILL');
  for (const client of nodes[2].clients) client.disconnect();
  await here.sees(['here']);
  here.alternates();
  for (const id of gone) assert.deepEqual([here.count('added', id), here.count('removed', id)], [1, 1]);
  await until('another node lists one', async () =>
    (await (await nodes[1].sdk.get({ path: `/channels/${room}/users` })).json()).users.length === 1);
});
