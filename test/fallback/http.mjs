// pusher-js held to one HTTP transport, and a proxy that breaks WebSockets.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pass } from '../support/balancer.mjs';

export const transports = ['xhr_streaming', 'xhr_polling'];

/** Options of a pusher-js that reaches the server by one HTTP transport only. */
export function only(server, transport) {
  return { httpHost: '127.0.0.1', httpPort: server.port, httpsPort: server.port, enabledTransports: [transport] };
}

/** Text of about so many bytes, most of whose characters take several. */
export function text(n, bytes) {
  const piece = `${n} naïve Grüße, 漢字 😀\u2028"\\ `;
  return piece.repeat(Math.ceil(bytes / Buffer.byteLength(piece)));
}

/**
 * Publishes events as fast as the reader takes them, with no more than
 * `ahead` on their way. received() says how many have come.
 */
export async function publishAll(sdk, channel, texts, received, until, ahead = 100) {
  for (let i = 0; i < texts.length; i += 10) {
    await until(`event ${i - ahead}`, async () => (await received()) >= i - ahead);
    await sdk.triggerBatch(texts.slice(i, i + 10).map((data, n) => ({ channel, name: 'long', data: JSON.stringify({ n: i + n, data }) })));
  }
}

/**
 * A proxy before the server that lets HTTP pass and kills every attempt at a
 * WebSocket. `kill` is what happens to it. The proxy counts the attempts and
 * the requests it let pass. Its `server` may be changed; its `route` may choose
 * another server for a request.
 */
export async function hostileProxy(t, server, kill, at = { host: '127.0.0.1', port: 0 }) {
  const sockets = new Set();
  const proxy = createServer((req, res) => {
    proxy.passed.push(req.url);
    pass(req, res, proxy.route?.(req) ?? proxy.server);
  });
  Object.assign(proxy, { server, passed: [], attempts: 0 });
  proxy.on('upgrade', (req, socket) => {
    proxy.attempts++;
    kill(socket);
  });
  proxy.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  proxy.listen(at);
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  proxy.port = proxy.address().port;
  return proxy;
}
