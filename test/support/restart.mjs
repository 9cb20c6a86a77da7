// Every kind of pusher-js through one restart of the server: three versions, in
// Node and in Chromium, over each transport.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { connect, createServer as createTCP } from 'node:net';
import { browser } from './browser.mjs';
import { fanfare } from './fanfare.mjs';
import { until } from './wait.mjs';

const require = createRequire(import.meta.url);

const versions = { 8: 'pusher-js', 7: 'pusher-js-7', 4: 'pusher-js-4' };

// What enabledTransports says, and what clients connect over where all work.
export const transports = {
  ws: { enabled: ['ws'], over: 'ws' },
  all: { enabled: undefined, over: 'ws' },
  xhr_streaming: { enabled: ['xhr_streaming'], over: 'xhr_streaming' },
  xhr_polling: { enabled: ['xhr_polling'], over: 'xhr_polling' },
};

const sleep = (ms) => new Promise((resume) => setTimeout(resume, ms));

// follow connects and returns what reads the record of what happened since.
// It runs in Node and, as text, in a page.
function follow(Pusher, options) {
  const record = { began: Date.now(), states: [], errors: [], subscribed: 0, got: [] };
  const pusher = new Pusher('app-key', options);
  pusher.connection.bind('state_change', ({ current }) => record.states.push({ state: current, at: Date.now() }));
  pusher.connection.bind('error', (e) => {
    const code = e.data?.code ?? e.error?.data?.code;
    if (code) record.errors.push({ code, at: Date.now() });
  });
  const channel = pusher.subscribe('news');
  channel.bind('pusher:subscription_succeeded', () => record.subscribed++);
  channel.bind('n', (n) => record.got.push(n));
  const read = () => ({
    ...record, state: pusher.connection.state, transport: pusher.connection.connection?.transport.name,
  });
  return { pusher, read };
}

function optionsOf(server, transport) {
  const port = server.port;
  return {
    cluster: 'any', wsHost: '127.0.0.1', wsPort: port, wssPort: port, httpHost: '127.0.0.1', httpPort: port, httpsPort: port,
    forceTLS: false, disableStats: true, ...(transport.enabled && { enabledTransports: transport.enabled }),
  };
}

/** One client of each kind, subscribed to `news`. `at` is a server or what stands before it. */
export async function everyone(t, server, { runtimes = ['node', 'chromium'], over = Object.keys(transports), at = server } = {}) {
  const clients = [];
  const chromium = runtimes.includes('chromium') && await browser(t);
  const site = createServer(async (req, res) => {
    const version = /^\/(\d)\.js$/.exec(req.url)?.[1];
    res.setHeader('content-type', version ? 'text/javascript' : 'text/html')
      .end(version ? await readFile(require.resolve(`${versions[version]}/dist/web/pusher.js`)) : `<!doctype html><script src="${req.url}.js"></script>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  t.after(() => site.close());
  for (const [version, name] of Object.entries(versions).reverse()) {
    for (const key of over) {
      const options = optionsOf(at, transports[key]);
      if (runtimes.includes('node')) {
        const { pusher, read } = follow(require(name), options);
        server.clients.push(pusher);
        clients.push({ version, runtime: 'node', transport: key, read });
      }
      if (chromium) {
        const page = await (await chromium.newContext()).newPage(); // with a localStorage of its own
        await page.goto(`http://127.0.0.1:${site.address().port}/${version}`);
        await page.evaluate(`window.read = (${follow})(Pusher, ${JSON.stringify(options)}).read`);
        clients.push({ version, runtime: 'chromium', transport: key, read: () => page.evaluate('window.read()') });
      }
    }
  }
  for (const client of clients) {
    const name = `pusher-js ${client.version}, ${client.runtime}, ${client.transport}`;
    const record = await until(`${name} is subscribed`, async () => {
      const record = await client.read();
      return record.subscribed > 0 && record;
    });
    Object.assign(client, { name, before: record });
  }
  return clients;
}

// publish sends 1, 2, 3 … until one is refused, and returns the last that was
// accepted.
function publish(server) {
  const accepted = { last: 0, refusal: null };
  accepted.ended = (async () => {
    for (let n = 1; ; n++) {
      const refusal = await server.sdk.trigger('news', 'n', n).then(() => null, (err) => err);
      if (refusal) return (accepted.refusal = refusal);
      accepted.last = n;
    }
  })();
  return accepted;
}

/** A proxy of connections whose target, a server, may be changed: a load balancer. */
export async function balancer(t, target) {
  const sockets = new Set();
  const proxy = createTCP((from) => {
    const to = connect(proxy.target.port, '127.0.0.1');
    for (const [socket, other] of [[from, to], [to, from]]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => sockets.delete(socket));
      socket.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return Object.assign(proxy, { target, port: proxy.address().port });
}

/**
 * A restart: the old process ends by the signal, and `gap` ms later the next
 * begins. Returns for each client what happened, with times in ms: `told` when
 * it noticed, `tried` when it tried again, `back` when it was connected, each
 * since the new process answered.
 */
export async function restart(t, { signal, gap = 0, runtimes, config = {} }) {
  const server = await fanfare(t, config);
  const clients = await everyone(t, server, { runtimes });
  const accepted = publish(server);
  await until('events flow', () => accepted.last > 20);
  const stopped = Date.now();
  const code = await server.stop(signal);
  const ended = Date.now();
  await accepted.ended;
  if (gap > 0) await sleep(gap);
  await server.start();
  const ready = Date.now();
  for (const client of clients) {
    const record = await until(`${client.name} is back`, async () => {
      const record = await client.read();
      return record.subscribed > 1 && record;
    });
    const { at: told } = record.errors[0] ?? { at: NaN };
    const since = record.states.filter((s) => s.at >= told);
    client.after = record;
    client.told = told - ready;
    client.tried = since.find((s) => s.state === 'connecting')?.at - ready;
    client.back = since.find((s) => s.state === 'connected')?.at - ready;
  }
  return { server, clients, accepted, code, took: ended - stopped, gap: ready - ended };
}
