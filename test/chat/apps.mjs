// The chats that the same test drives: each is a page at url, and a realtime server
// at address that can be killed and started again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { fanfare, freePort } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const binary = fileURLToPath(new URL('../.bin/fanfare', import.meta.url));

/** A process that serves url and ends with the test. */
class Site {
  constructor(t, url, command, args, options = {}) {
    Object.assign(this, { url, command, args, options });
    t.after(() => this.kill());
  }

  async start() {
    this.log = '';
    this.child = spawn(this.command, this.args, { stdio: ['ignore', 'pipe', 'pipe'], ...this.options });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (d) => (this.log += d));
    this.exited = once(this.child, 'exit');
    await until(`${this.url} answers`, async () => {
      if (this.child.exitCode !== null) throw new Error(`it ended:\n${this.log}`);
      return fetch(this.url).then((r) => r.ok, () => false);
    });
  }

  async kill() {
    this.child?.kill('SIGKILL');
    await this.exited;
  }
}

// A paused server keeps its connections and answers nothing, as behind a cable that was pulled.
const control = (child) => ({ pauseServer: () => child().kill('SIGSTOP'), resumeServer: () => child().kill('SIGCONT') });

/** `fanfare demo`: page, back end and server are one process. */
export async function demo(t) {
  const [page, server] = [await freePort(), await freePort()];
  const site = new Site(t, `http://127.0.0.1:${page}`, binary, ['demo', '--listen', `127.0.0.1:${page}`, '--port', String(server), '--admin-port', '0']);
  await site.start();
  return { url: site.url, address: `ws://127.0.0.1:${server}`, ...control(() => site.child), killServer: () => site.kill(), startServer: () => site.start() };
}

/** An example of Next.js, built, beside a server; app is more of its configuration there. */
export const nextChat = (example) => async (t, app = {}) => {
  const server = await fanfare(t, { app: { limits: { max_presence_members: 600 }, history: [{ channels: 'presence-room-*', events: 100, ttl: '10m' }], ...app } });
  const port = await freePort();
  const site = new Site(t, `http://127.0.0.1:${port}`, process.execPath,
    ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', String(port)],
    {
      cwd: fileURLToPath(new URL(`../../examples/${example}`, import.meta.url)),
      env: {
        ...process.env, NEXT_TELEMETRY_DISABLED: '1', PUSHER_HOST: '127.0.0.1', PUSHER_PORT: String(server.port),
        PUSHER_APP_ID: 'app-id', PUSHER_APP_KEY: 'app-key', PUSHER_APP_SECRET: 'app-secret',
      },
    });
  await site.start();
  return {
    url: site.url, address: `ws://127.0.0.1:${server.port}`, server,
    ...control(() => server.child), killServer: () => server.stop('SIGKILL'), startServer: () => server.start(),
  };
};
