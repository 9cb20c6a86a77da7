// A fanfare of one test: the built binary on a port of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Pusher from 'pusher-js';
import Sdk from 'pusher';
import { until } from './wait.mjs';

const binary = fileURLToPath(new URL('../.bin/fanfare', import.meta.url));

const nodes = Number(process.env.FANFARE_TEST_NODES || 1);
const alone = new WeakSet(); // tests about one process

/** Has a test run on one process, whatever FANFARE_TEST_NODES is. Says why it is about one. */
export function oneNode(t, why) {
  assert.ok(why);
  alone.add(t);
}

// 32 bytes, for private-encrypted channels.
export const masterKey = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64');

let ports = 0;

/**
 * A port for a program that is started later. It is none of those that the system
 * gives to connections, nor of another test process: they could take it meanwhile.
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + 100 * (process.pid % 220) + ports++ % 100;
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(() => true, () => false);
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/**
 * Starts a server that ends with the test. `app` holds keys of the default
 * app, `apps` further apps, everything else is top-level configuration. With
 * `terminal` the server has one, as when a person starts it. With
 * FANFARE_TEST_NODES it is a cluster of so many nodes behind a load balancer.
 */
export async function fanfare(t, { app = {}, apps = [], terminal = false, ...rest } = {}) {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-test-'));
  const file = join(folder, 'config.yaml');
  const config = {
    listen: `127.0.0.1:${port}`,
    metrics: { listen: '' },
    shutdown: { spread: '100ms' },
    users: { offline_grace: '0s' },
    ...rest,
    apps: [{ id: 'app-id', key: 'app-key', secret: 'app-secret', ...app }, ...apps],
  };
  const { Several, clusterOf } = await import('./several.mjs'); // which imports this module
  const isCluster = nodes > 1 && !terminal && !config.cluster && !alone.has(t);
  if (isCluster) config.cluster = await clusterOf(t, port);
  await writeFile(file, JSON.stringify(config)); // JSON is YAML
  const server = isCluster ? await Several.of(t, nodes, file, config) : new Fanfare(port, file, config, terminal);
  t.after(async () => {
    for (const client of server.clients) client.disconnect();
    await server.stop('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

export class Fanfare {
  clients = [];

  constructor(port, file, config, terminal, args = [], env = {}) {
    Object.assign(this, { port, file, config, terminal, args, env });
    this.sdk = this.sdkOf(config.apps[0]);
  }

  async start() {
    this.log = '';
    const [command, ...args] = this.terminal
      ? ['script', '--quiet', '--return', '--flush', '--command', `exec '${binary}' serve --config '${this.file}'`, '/dev/null']
      : [binary, 'serve', '--config', this.file, ...this.args];
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (d) => (this.log += d));
    this.exited = once(this.child, 'exit').then(([code, signal]) => code ?? signal);
    await until('the server is ready', async () => {
      if (this.child.exitCode !== null) throw new Error(`the server ended:\n${this.log}`);
      return fetch(`${this.http}/readyz`).then((r) => r.ok, () => false);
    });
  }

  // stop sends a signal and returns the exit code, or the signal that killed it.
  async stop(signal = 'SIGTERM') {
    if (!this.terminal) {
      this.child.kill(signal);
      return this.exited;
    }
    // The server is the child of the program that gives it a terminal.
    const { pid } = this.child;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    for (const child of children.split(' ').filter(Boolean)) process.kill(Number(child), signal);
    return this.exited;
  }

  get http() {
    return `http${this.config.tls ? 's' : ''}://127.0.0.1:${this.port}`;
  }

  sdkOf({ id, key, secret }) {
    return new Sdk({
      appId: id, key, secret, host: '127.0.0.1', port: String(this.port), useTLS: Boolean(this.config.tls),
      encryptionMasterKeyBase64: masterKey,
    });
  }

  // options are those of a pusher-js for this server. `user` signs presence
  // subscriptions and, after signin(), the user.
  options({ user, watchlist, sdk = this.sdk, ...rest } = {}) {
    return {
      cluster: 'any', wsHost: '127.0.0.1', wsPort: this.port, forceTLS: false, enabledTransports: ['ws'],
      channelAuthorization: {
        customHandler: ({ socketId, channelName }, done) => {
          const presence = channelName.startsWith('presence-') && user
            ? { user_id: user.id, user_info: user.info } : undefined;
          done(null, sdk.authorizeChannel(socketId, channelName, presence));
        },
      },
      userAuthentication: {
        customHandler: ({ socketId }, done) =>
          done(null, sdk.authenticateUser(socketId, { id: user.id, user_info: user.info, watchlist })),
      },
      ...rest,
    };
  }

  // client is a pusher-js that need not be connected yet.
  client(options = {}) {
    const { key = 'app-key', ...rest } = options;
    const client = new Pusher(key, this.options(rest));
    this.clients.push(client);
    return client;
  }

  async connected(options) {
    const client = this.client(options);
    await until('the client is connected', () => client.connection.state === 'connected');
    return client;
  }
}
