// A load balancer of connections: each goes to the next node in turn. Requests
// of the HTTP fallback go by their session, all of one to the same node.
import { once } from 'node:events';
import { createServer as createHTTP, request } from 'node:http';
import { connect, createServer } from 'node:net';

/** How fit a server is: 2 if it says that clients may be sent to it, 1 if it answers, else 0, or `late` if it takes its time. */
async function fitness(node, late) {
  if (!asked.has(node)) { // 500 clients that come at once are one question
    asked.set(node, fetch(`${node.http}/readyz`, { signal: AbortSignal.timeout(1000) })
      .then((r) => (r.ok ? 2 : 1), (err) => (err.name === 'TimeoutError' ? undefined : 0)).finally(() => asked.delete(node)));
  }
  return (await asked.get(node)) ?? late;
}
const asked = new Map(); // node -> its answer, on its way

/** A number for the session that a path of the HTTP fallback names; undefined for other paths. */
function sessionOf(path) {
  const session = /^\S*\/app\/[^/\s]+\/(\d+\/\w+)\/xhr/.exec(path)?.[1];
  return session && [...session].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 0);
}

/** Two sockets become one connection. */
function join(near, far) {
  for (const [one, other] of [[near, far], [far, near]]) {
    one.on('error', () => other.destroy()).on('close', () => other.destroy());
    one.pipe(other);
  }
  if (near.destroyed) far.destroy();
}

/** Passes a request on to a node, and its answer back as it comes. */
export function pass(req, res, { port }) {
  const onward = request({ host: '127.0.0.1', port, method: req.method, path: req.url, headers: req.headers, agent: false }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    res.flushHeaders();
    answer.on('error', () => res.destroy());
    answer.pipe(res);
  });
  onward.on('error', () => res.destroy());
  res.on('close', () => onward.destroy());
  req.pipe(onward);
}

/**
 * Listens until the end of the test. `nodes` are servers; those that are not
 * ready are passed over if any is, and those that do not answer if any does.
 */
export async function roundRobin(t, nodes) {
  const sockets = new Set();
  let turn = 0;
  async function choose(first = turn++, late = 0) {
    let best = { fit: -1 };
    for (let n = first; n < first + nodes.length && best.fit < 2; n++) {
      const node = nodes[n % nodes.length];
      const fit = await fitness(node, late);
      if (fit > best.fit) best = { fit, node };
    }
    return best.node;
  }
  // A browser sends requests of several sessions over one connection.
  const fallback = createHTTP(async (req, res) => {
    const session = sessionOf(req.url);
    pass(req, res, await choose(session, session === undefined ? 0 : 2)); // a session does not move because its node is slow
  });
  const proxy = createServer((near) => {
    sockets.add(near);
    near.on('error', () => {}).on('close', () => sockets.delete(near));
    near.once('data', async (said) => { // by TLS nothing can be seen
      near.pause();
      near.unshift(said);
      if (sessionOf(said.toString('latin1').split(' ', 2)[1]) === undefined) {
        join(near, connect((await choose()).port, '127.0.0.1'));
      } else {
        fallback.emit('connection', near);
        near.resume();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: proxy.address().port };
}
