// A load balancer of connections: each goes to the next node in turn.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Whether a server says that clients may be sent to it. */
const ready = (node) => fetch(`${node.http}/readyz`, { signal: AbortSignal.timeout(1000) }).then((r) => r.ok, () => false);

/**
 * Listens until the end of the test. `nodes` are servers; those that are not
 * ready are passed over, if any is ready.
 */
export async function roundRobin(t, nodes) {
  const sockets = new Set();
  let turn = 0;
  async function choose() {
    for (let tried = 0; tried < nodes.length; tried++) {
      const node = nodes[turn++ % nodes.length];
      if (await ready(node)) return node;
    }
    return nodes[turn++ % nodes.length];
  }
  const proxy = createServer(async (near) => {
    sockets.add(near);
    near.on('error', () => {}).on('close', () => sockets.delete(near));
    const far = connect((await choose()).port, '127.0.0.1');
    sockets.add(far);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('error', () => other.destroy()).on('close', () => { sockets.delete(one); other.destroy(); });
      one.pipe(other);
    }
    if (near.destroyed) far.destroy();
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: proxy.address().port };
}
