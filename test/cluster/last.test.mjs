// The end of a node that has sockets: they go to another node, if there is one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { acquainted, cluster, metric } from '../support/cluster.mjs';
import { until } from '../support/wait.mjs';

const waits = (node) => node.log.includes('waiting until the clients are on other nodes');

test('a node that ends stays a member until its clients are on others; the last one has none to wait for', async (t) => {
  const { nodes: [one, two] } = await cluster(t, 2);
  await one.connected();
  await two.connected();
  await acquainted([one, two]);
  assert.equal(await one.stop(), 0);
  assert.ok(waits(one), one.log);
  await until('the other sees that it has gone', async () => (await metric(two, 'fanfare_cluster_nodes{state="alive"}')) === 1);
  assert.equal(await two.stop(), 0);
  assert.ok(!waits(two), two.log);
});
