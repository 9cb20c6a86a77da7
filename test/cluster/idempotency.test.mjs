// Callers that try again with the same keys while the server is killed and started.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cluster } from '../support/cluster.mjs';
import { settled, subscribed, until } from '../support/wait.mjs';

test('idempotency: sixteen callers, a node that is killed five times, each event once', async (t) => {
  const { nodes: [killed, stays] } = await cluster(t, 2);
  const news = await subscribed(await stays.connected(), 'news');
  const events = 50;
  let kills = 0;
  let failures = 0;

  /** Publishes an event until that is confirmed, as a back end does. */
  const insists = async (caller, n) => {
    const server = caller % 4 === 0 ? stays : killed;
    await until(`event ${n} is confirmed`, () =>
      server.sdk.trigger('news', 'e', { n }, { idempotency_key: `event-${n}` }).then(() => true, () => {
        failures++;
        return false;
      }));
  };
  const callers = Array.from({ length: 16 }, async (_, caller) => {
    for (let round = 0; round === 0 || kills < 5; round++) {
      for (let i = 0; i < events; i++) await insists(caller, (i * 7 + caller * 3) % events + 1);
    }
  });
  const chaos = (async () => {
    for (; kills < 5; kills++) {
      await killed.stop('SIGKILL');
      await killed.start();
      await until('callers get through', () => killed.sdk.get({ path: '/channels' }).then((r) => r.ok, () => false));
    }
  })();
  await Promise.all([...callers, chaos]);
  assert.ok(failures > 0, 'nobody had to try again');
  await settled(stays.sdk, news);
  const heard = news.log.all('e').map(({ n }) => n).sort((a, b) => a - b);
  assert.deepEqual(heard, Array.from({ length: events }, (_, i) => i + 1));
});
