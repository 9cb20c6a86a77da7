// A Redis Cluster of three masters.
import test from 'node:test';
import { room } from '../support/person.mjs';
import { Shards } from '../support/shards.mjs';
import { Town } from '../support/town.mjs';

test('a Redis Cluster, of which a slot is moved twice meanwhile: nobody flaps, nothing is lost or twice', async (t) => {
  const shards = await Shards.open(t);
  const town = await Town.open(t, {
    redis: shards.masters[0],
    config: { cluster: { redis: { addresses: shards.addresses, prefix: 'test' } } },
  });
  for (const id of ['late-1', 'late-2']) {
    const { slot, master } = await shards.slotOf(room);
    const next = shards.masters[(shards.masters.indexOf(master) + 1) % 3];
    await Promise.all([shards.move(slot, master, next), town.comes(1, id)]);
    await town.goes(20);
  }
  await town.judge({ forgot: true }); // a master that takes a slot begins with a new memory's name
});
