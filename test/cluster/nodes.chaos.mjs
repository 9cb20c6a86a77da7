// Nodes that fail for longer than they are waited for, and with many people.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Observer } from '../support/presence.mjs';
import { Town, lasts } from '../support/town.mjs';
import { until } from '../support/wait.mjs';

const minute = 60_000;

for (const [what, fails, recovers] of [
  ['stopped', (n) => n.child.kill('SIGSTOP'), (n) => n.child.kill('SIGCONT')],
  ['cut from Redis', (n) => n.line.cut(), (n) => n.line.heal()],
  ['deaf to Redis', (n) => n.line.cut({ up: false }), (n) => n.line.heal()],
]) {
  test(`a node that is ${what} for 60 s: its members are removed once, and are back afterwards`, async (t) => {
    const town = await Town.open(t, { page: true });
    fails(town.nodes[2]);
    await town.comes(0, 'late-1');
    await lasts(minute);
    const alone = town.people.filter((p) => p.node === 2 && p.id !== 'tabs').map((p) => p.id);
    const left = town.ids.filter((id) => !alone.includes(id));
    for (const p of town.here.filter((p) => p.node !== 2)) await p.sees(left);
    recovers(town.nodes[2]);
    await town.goes(20);
    await town.judge({ dark: [2], repeats: true });
  });
}

test('kill -9 of a node with 500 members: one removal each, and none of the 100 who are back', async (t) => {
  const town = await Town.open(t, { config: { app: { limits: { max_presence_members: 0, client_events_per_second: 0 } } } });
  const { nodes } = town;
  const ids = Array.from({ length: 500 }, (_, n) => `one-of-many-${n}`);
  await Promise.all(ids.map((id) => Observer.on(nodes[2], 'presence-room', { id })));
  const here = town.here.filter((p) => p.node !== 2);
  const [watcher] = here;
  await until('all have come', () => watcher.present.length === 500 + town.ids.length);
  await town.kill(2);
  await Promise.all(ids.slice(0, 100).map((id) => Observer.on(nodes[0], 'presence-room', { id })));
  await until('the others are removed', () => watcher.present.length === 100 + town.ids.length);
  for (const p of here) {
    await until(`${p.id} sees those who are left`, () => p.present.length === 100 + town.ids.length);
    const removed = (id) => p.last.entries.filter((e) => e.event === 'pusher_internal:member_removed' && e.data.user_id === id).length;
    assert.deepEqual(ids.map(removed), ids.map((_, n) => Number(n >= 100)));
  }
  for (const client of nodes[0].clients.filter((c) => !here.some((p) => p.pusher === c))) client.disconnect();
  await town.judge({ repeats: true });
});

test('a rolling restart of three nodes, twice, while people come and go', async (t) => {
  const town = await Town.open(t, { page: true, through: 'front', config: { shutdown: { successor: true, delay: '2s', spread: '2s' } } });
  for (const name of ['late', 'later']) {
    for (const [n, server] of town.nodes.entries()) {
      const exit = server.stop('SIGTERM');
      await town.leaves(await town.comes(n, `${name}-${n + 1}`));
      assert.equal(await exit, 0, server.log);
      await server.start();
      await town.goes(20);
    }
  }
  await town.judge({ moved: () => true });
});
