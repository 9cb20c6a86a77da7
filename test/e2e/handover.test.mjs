// A hand-over: a new process takes over from the one that serves, and no client
// of any kind finds a closed door.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'node:test';
import { acquainted, cluster } from '../support/cluster.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { everyone, transports } from '../support/restart.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';

const binary = fileURLToPath(new URL('../.bin/fanfare', import.meta.url));

// upgrade runs the command. The new process ends with the test.
async function upgrade(t, server) {
  const { stdout } = await promisify(execFile)(binary, ['upgrade', '--config', server.file]);
  const [, pid] = /^process (\d+) serves now\n$/.exec(stdout);
  t.after(() => process.kill(Number(pid), 'SIGKILL'));
}

for (const runtime of ['node', 'chromium']) {
  test(`${runtime}: pusher-js 8, 7 and 4 go over to the new process at once, and the API is never away`, async (t) => {
    oneNode(t, 'it is about one process after another');
    const server = await fanfare(t);
    const clients = await everyone(t, server, { runtimes: [runtime] });
    const sent = { last: 0, refused: [] };
    let flows = true;
    const sending = (async () => {
      for (let n = 1; flows; n++) {
        await server.sdk.trigger('news', 'n', n).then(() => (sent.last = n), (err) => sent.refused.push(`${err.status} ${err.message} ${err.error}`));
      }
    })();
    await until('events flow', () => sent.last > 20);
    const began = Date.now();
    await upgrade(t, server);
    assert.equal(await server.exited, 0, server.log);
    for (const c of clients) {
      const after = await until(`${c.name} is back`, async () => {
        const record = await c.read();
        return record.subscribed > 1 && record.state === 'connected' && record;
      });
      const codes = new Set(after.errors.map((e) => e.code));
      const back = after.states.filter((s) => s.state === 'connected').at(-1).at - began;
      t.diagnostic(`${c.name}: back after ${back} ms, codes ${[...codes]}`);
      assert.equal(after.transport, transports[c.transport].over, c.name);
      // Between two polls there is no request that could be answered with a code.
      if (c.transport !== 'xhr_polling' || !codes.has(1006)) assert.deepEqual(codes, new Set([4200]), c.name);
      assert.equal(after.states.filter((s) => s.state === 'connecting').length, 1, c.name); // the first was before anybody looked
      c.since = after.got.length;
    }
    const last = sent.last;
    await until('events flow again', () => sent.last > last + 20);
    flows = false;
    await sending;
    assert.deepEqual(sent.refused, []);
    for (const c of clients) {
      const { got } = await until(`${c.name} has the last event`, async () => {
        const record = await c.read();
        return record.got.at(-1) === sent.last && record;
      });
      assert.deepEqual(got, got.toSorted((a, b) => a - b).filter((n, i, all) => n !== all[i - 1]), `${c.name}: in order, and none twice`);
    }
  });
}

test('in a cluster others notice nothing: members stay, and their events come', async (t) => {
  const { nodes: [old, other], sdk } = await cluster(t, 2);
  await acquainted([old, other]);
  const watcher = await subscribed(await other.connected({ user: { id: 'watcher' } }), 'presence-room');
  const movers = [];
  for (let n = 0; n < 20; n++) {
    const client = await old.connected({ user: { id: `user-${n}` } });
    movers.push({ client, room: await subscribed(client, 'presence-room'), states: new Log(client.connection) });
  }
  await until('all are there', () => watcher.members.count === 21);
  watcher.log.taken = watcher.log.entries.length;
  await upgrade(t, old);
  for (const { client, room, states } of movers) {
    await until('it is back', () => room.log.all('pusher:subscription_succeeded').length > 1 && client.connection.state === 'connected');
    assert.deepEqual(new Set(states.all('error').map((e) => e.data?.code ?? e.error?.data?.code)), new Set([4200]));
  }
  assert.equal(await old.exited, 0, old.log);
  await settled(sdk, watcher);
  const since = watcher.log.entries.slice(watcher.log.taken).map((e) => e.event);
  assert.deepEqual(since.filter((e) => e.startsWith('pusher:member')), []);
  assert.equal(watcher.members.count, 21);
  for (const { room } of movers) {
    await until('a marker has come', () => room.log.all('settled').length > 0);
    assert.equal(room.members.count, 21);
  }
});
