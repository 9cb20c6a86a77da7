// What the page docs/cluster.md promises when Redis fails, with real processes.
import test from 'node:test';
import { Pair } from '../support/replicas.mjs';
import { Town, lasts } from '../support/town.mjs';

for (const data of [true, false]) {
  test(`Redis restarted ${data ? 'with its data' : 'empty'}: nobody is removed, no accepted event is lost`, async (t) => {
    const town = await Town.open(t);
    const leaves = await town.comes(1, 'late-1');
    await town.settles();
    await town.redis.stop('SIGTERM');
    await town.publisher.fails();
    await town.leaves(leaves); // nobody can hear of it now
    await town.redis.restart({ data });
    await town.goes(20);
    await town.comes(1, 'late-2');
    await town.judge({ forgot: true });
  });
}

test('Redis loses its data while it runs: nobody is removed, no accepted event is lost', async (t) => {
  const town = await Town.open(t);
  await town.redis.cli('FLUSHALL');
  await town.goes(20);
  await town.comes(1, 'late-2');
  await town.judge({ forgot: true });
});

test('Redis does nothing for 10 s: nobody is judged, no accepted event is lost', async (t) => {
  const town = await Town.open(t);
  town.redis.pause();
  await lasts(10_000);
  town.redis.resume();
  await town.goes(20);
  await town.judge();
});

test('a failover that loses the last writes: nobody flaps, and no ghost is left', async (t) => {
  const pair = await Pair.open(t);
  const town = await Town.open(t, { redis: pair.master });
  const leaves = await town.comes(0, 'late-1');
  await town.settles();
  pair.link.cut();
  const cut = Date.now();
  await town.comes(1, 'late-2'); // the replica does not know
  await town.leaves(leaves);
  await town.settles();
  await town.goes(20);
  await pair.failover();
  for (const n of town.nodes) n.line.lead(pair.replica.port);
  const over = Date.now();
  await town.goes(20);
  await town.judge({ missed: (e) => e.ended > cut && e.began < over, forgot: true });
});
