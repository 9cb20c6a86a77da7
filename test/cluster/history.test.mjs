// The history of channels over two nodes and one Redis, with real processes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { acquainted, cluster } from '../support/cluster.mjs';
import { until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';

const app = { history: [{ channels: 'diary*', events: 20, ttl: '10m', rewind: 2 }] };

/** A client on a node that subscribes, to go on from what another saw last. */
async function reads(server, { serial, id } = {}) {
  const wire = await new Wire(server).open();
  const recover = serial ? { recover: serial, recover_socket_id: id } : {};
  wire.send({ event: 'pusher:subscribe', data: { channel: 'diary', ...recover } });
  await hears(wire, 'pusher_internal:subscription_succeeded');
  return wire;
}

/** The next message, which has to be this event, with these data if they are given. */
async function hears(wire, event, data) {
  const m = JSON.parse(await wire.next());
  assert.equal(m.event, event, JSON.stringify(m));
  if (data !== undefined) assert.equal(m.data, data);
  if (m.serial) wire.serial = m.serial;
  return m;
}

async function fails(wire, reason) {
  const { data } = await hears(wire, 'fanfare:recovery_failed');
  assert.equal(JSON.parse(data).reason, reason);
}

async function nothingMore(wire) {
  wire.send({ event: 'pusher:ping', data: {} });
  await hears(wire, 'pusher:pong');
}

const write = (node, ...all) => all.reduce((before, data) => before.then(() => node.sdk.trigger('diary', 'e', data)), Promise.resolve());

/** Writes until that is accepted: Redis may be on its way. */
const writeLate = (node, data) => until(`${data} is accepted`, () => write(node, data).then(() => true, () => false));

test('who comes back to another node hears what it missed, also when its own was killed', async (t) => {
  const { nodes: [a, b] } = await cluster(t, 2, { app });
  await acquainted([a, b]);
  const one = await reads(a);
  await write(a, '1');
  await hears(one, 'e', '1');
  one.socket.close();
  await write(a, '2', '3');
  await write(b, '4');
  const two = await reads(b, one);
  for (const data of ['2', '3', '4']) await hears(two, 'e', data);
  await nothingMore(two);

  const three = await reads(a, one);
  for (const data of ['2', '3', '4']) await hears(three, 'e', data);
  await a.stop('SIGKILL');
  await three.close();
  await write(b, '5');
  await hears(two, 'e', '5');
  const four = await reads(b, three);
  await hears(four, 'e', '5');
  await nothingMore(four);
  const five = await reads(b); // a new subscriber: the rewind
  await hears(five, 'e', '4');
  await hears(five, 'e', '5');
  await nothingMore(five);
});

for (const data of [true, false]) {
  test(`Redis restarted ${data ? 'with its data' : 'empty'}: serials end, nobody hears anything twice`, async (t) => {
    const { redis, nodes: [a, b] } = await cluster(t, 2, { app });
    await acquainted([a, b]);
    const one = await reads(a);
    await write(b, '1', '2');
    await hears(one, 'e', '1');
    await hears(one, 'e', '2');
    const old = { serial: one.serial, id: one.id };
    await redis.restart({ data });
    await writeLate(b, '3');
    await hears(one, 'e', '3');
    for (const node of [a, b]) {
      const late = await reads(node, old);
      await fails(late, 'epoch_changed');
      if (data) await hears(late, 'e', '2');
      await hears(late, 'e', '3');
      await nothingMore(late);
    }
    const away = { serial: one.serial, id: one.id };
    one.socket.close();
    await write(a, '4');
    const back = await reads(b, away);
    await hears(back, 'e', '4');
    await nothingMore(back);
  });
}
