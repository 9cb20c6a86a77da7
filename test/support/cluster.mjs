// A cluster of one test: a redis-server and nodes on ports of their own, and a
// load balancer before them.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import Sdk from 'pusher';
import { roundRobin } from './balancer.mjs';
import { fanfare, masterKey } from './fanfare.mjs';
import { Line } from './line.mjs';
import { Redis } from './redis.mjs';
import { until } from './wait.mjs';

/**
 * Starts a cluster that ends with the test. `config` is that of every node.
 * `sdk` is a back end whose requests go to one node after the other. Each node
 * has a line of its own to Redis: `redis`, or one that is started with `options`.
 */
export async function cluster(t, count, config = {}, { redis, ...options } = {}) {
  redis ??= await Redis.open(t, options);
  const nodes = await Promise.all(Array.from({ length: count }, (_, n) => node(t, redis, `node-${n + 1}`, config)));
  const front = await roundRobin(t, nodes);
  // A connection for each request: one that is kept would stay with one node.
  const agent = new Agent({ keepAlive: false });
  const sdk = new Sdk({
    appId: 'app-id', key: 'app-key', secret: 'app-secret', host: '127.0.0.1', port: String(front.port), useTLS: false, agent,
    encryptionMasterKeyBase64: masterKey,
  });
  return { redis, nodes, front, sdk };
}

/** Starts one more node. */
export async function node(t, redis, name, config = {}) {
  const line = await Line.open(t, redis.port);
  const server = await fanfare(t, {
    metrics: { listen: '127.0.0.1:0' },
    ...config,
    cluster: { driver: 'redis', name, redis: { addresses: [`127.0.0.1:${line.port}`], prefix: 'test' }, ...config.cluster },
  });
  server.line = line;
  return server;
}

/** A metric of a node, named with its labels. */
export async function metric({ log }, series) {
  const [, address] = /metrics=(\S+)/.exec(log);
  const text = await fetch(`http://${address}/metrics`).then((r) => r.text());
  const line = text.split('\n').find((l) => l.startsWith(`${series} `));
  assert.ok(line, `no metric ${series}`);
  return Number(line.slice(series.length));
}

/** Waits until all nodes know of each other. */
export async function acquainted(nodes) {
  await until('the nodes know of each other', async () =>
    (await Promise.all(nodes.map((n) => metric(n, 'fanfare_cluster_nodes{state="alive"}')))).every((n) => n === nodes.length));
}
