// The back ends of examples/snippets, each started as its framework starts it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export const snippet = (path) => here(`../../examples/snippets/${path}`);

/** A program that ends with the test. What it writes is in log, its standard output in out too. */
export function program(t, command, args, env = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const running = { child, log: '', out: '' };
  child.stdout.on('data', (d) => (running.out += d));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (running.log += d));
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return running;
}

const commands = {
  django: (port) => [here('../.venv/bin/python'), here('django_app.py'), snippet('django'), port],
  fastapi: (port) => [here('../.venv/bin/python'), '-m', 'uvicorn', '--app-dir', snippet('fastapi'), '--port', port, 'main:app'],
  go: () => [here('.build/go')],
  spring: (port) => ['java', '-cp', `${here('.build/spring')}:${here('.build/spring-jars')}/*`, 'Serve', `--server.port=${port}`, '--server.address=127.0.0.1'],
};

export const names = Object.keys(commands);

/** Starts a back end for the first app of a server; returns its address. */
export async function backEnd(t, name, server) {
  const port = String(await freePort());
  const [{ id, key, secret }] = server.config.apps;
  const [command, ...args] = commands[name](port);
  const running = program(t, command, args, {
    PUSHER_APP_ID: id, PUSHER_APP_KEY: key, PUSHER_APP_SECRET: secret, PUSHER_HOST: '127.0.0.1', PUSHER_PORT: String(server.port), PUSHER_SCHEME: 'http',
    LISTEN: `127.0.0.1:${port}`, PYTHONDONTWRITEBYTECODE: '1',
  });
  const url = `http://127.0.0.1:${port}`;
  await until(`${name} answers`, async () => {
    if (running.child.exitCode !== null) throw new Error(`it ended:\n${running.log}`);
    return fetch(url).then(() => true, () => false);
  });
  return url;
}

export const order = (url, text) => fetch(`${url}/orders`, {
  method: 'POST', body: JSON.stringify({ text }), headers: { 'Content-Type': 'application/json' },
});
