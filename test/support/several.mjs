// Several nodes that a test takes for one server: FANFARE_TEST_NODES has the
// tests of one server run against a cluster behind a load balancer.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { roundRobin } from './balancer.mjs';
import { Fanfare, freePort } from './fanfare.mjs';
import { Redis } from './redis.mjs';

/** Nodes of a cluster; what is sent to them goes to one after the other. */
export class Several extends Fanfare {
  static async of(t, count, file, config) {
    const nodes = [];
    for (let n = 0; n < count; n++) {
      const port = await freePort();
      // A store of webhooks belongs to one process.
      const env = config.webhooks?.store ? { FANFARE_WEBHOOKS_STORE: `${config.webhooks.store}-${n}` } : {};
      nodes.push(new Fanfare(port, file, config, false, ['--listen', `127.0.0.1:${port}`], env));
    }
    const { port } = await roundRobin(t, nodes);
    const several = Object.assign(new Several(port, file, config), { nodes });
    if (config.metrics.listen) several.metrics = await sums(t, nodes);
    return several;
  }

  async start() {
    await Promise.all(this.nodes.map((n) => n.start()));
  }

  /** The exit code of the first that did not end well, 0 if all did. */
  async stop(signal) {
    const codes = await Promise.all(this.nodes.map((n) => n.stop(signal)));
    return codes.find((c) => c !== 0) ?? 0;
  }

  get log() {
    const log = this.nodes.map((n) => n.log).join('');
    return this.metrics ? log.replaceAll(address, `metrics=${this.metrics}`) : log;
  }

  get child() {
    return { kill: (signal) => this.nodes.every((n) => n.child.kill(signal)) };
  }
}

const address = /metrics=(\S+)/g;

/** Serves the sums of the metrics of all nodes until the end of the test; returns where. */
async function sums(t, nodes) {
  const server = createServer(async (_, res) => {
    const all = new Map();
    for (const node of nodes) {
      const [[, at]] = node.log.matchAll(address);
      const text = await fetch(`http://${at}/metrics`).then((r) => r.text());
      for (const [, series, value] of text.matchAll(/^([^#\s][^\n]*) (\S+)$/gm)) all.set(series, (all.get(series) ?? 0) + Number(value));
    }
    res.end([...all].map(([series, value]) => `${series} ${value}\n`).join(''));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `127.0.0.1:${server.address().port}`;
}

/** What makes the nodes of one test a cluster of their own. */
export async function clusterOf(t, port) {
  const redis = await Redis.open(t);
  return { driver: 'redis', redis: { addresses: [`127.0.0.1:${redis.port}`], prefix: `test-${port}` } };
}
