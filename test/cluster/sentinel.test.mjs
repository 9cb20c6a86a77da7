// Redis with Sentinels: another master takes over, and lacks what was written last.
import test from 'node:test';
import { Watched } from '../support/replicas.mjs';
import { Town } from '../support/town.mjs';

test('a failover by Sentinel that loses the last writes: nobody flaps, and no ghost is left', async (t) => {
  const watched = await Watched.open(t);
  const town = await Town.open(t, {
    redis: watched.master,
    config: { cluster: { redis: { addresses: watched.addresses, sentinel_master: Watched.name, prefix: 'test' } } },
  });
  const leaves = await town.comes(0, 'late-1');
  await town.settles();
  watched.forget();
  const cut = Date.now();
  await town.comes(1, 'late-2'); // the replica does not know
  await town.leaves(leaves);
  await town.settles();
  await town.goes(20);
  await watched.failover();
  const over = Date.now();
  await town.goes(20);
  await town.judge({ missed: (e) => e.ended > cut && e.began < over, forgot: true });
});
