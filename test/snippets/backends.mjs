// The back ends of examples/snippets, each started as its framework starts it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** A folder with a snippet, for what looks for its libraries beside the file; it goes with the test. */
export async function folderOf(t, path) {
  const folder = await mkdtemp(join(tmpdir(), 'snippet-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, path.split('/').at(-1));
  await copyFile(snippet(path), file);
  return { folder, file };
}

async function node(t) {
  const { folder, file } = await folderOf(t, 'node/server.mjs');
  await symlink(here('../node_modules'), join(folder, 'node_modules'));
  return [process.execPath, file];
}

async function php(t, port) {
  const { folder, file } = await folderOf(t, 'php/index.php');
  await mkdir(join(folder, 'vendor'));
  await copyFile(here('php/autoload.php'), join(folder, 'vendor/autoload.php'));
  return ['php', '-S', `127.0.0.1:${port}`, file];
}

const commands = {
  node,
  php,
  rails: (t, port) => ['ruby', here('ruby/rails_app.rb'), snippet('rails/realtime_controller.rb'), port],
  django: (t, port) => [here('../.venv/bin/python'), here('django_app.py'), snippet('django'), port],
  fastapi: (t, port) => [here('../.venv/bin/python'), '-m', 'uvicorn', '--app-dir', snippet('fastapi'), '--port', port, 'main:app'],
  go: () => [here('.build/go')],
  spring: (t, port) => ['java', '-cp', `${here('.build/spring')}:${here('.build/spring-jars')}/*`, 'Serve', `--server.port=${port}`, '--server.address=127.0.0.1'],
};

export const names = Object.keys(commands);

/** Starts a back end for the first app of a server; returns its address. */
export async function backEnd(t, name, server) {
  const port = String(await freePort());
  const [{ id, key, secret }] = server.config.apps;
  const [command, ...args] = await commands[name](t, port);
  const running = program(t, command, args, {
    PUSHER_APP_ID: id, PUSHER_APP_KEY: key, PUSHER_APP_SECRET: secret, PUSHER_HOST: '127.0.0.1', PUSHER_PORT: String(server.port), PUSHER_SCHEME: 'http',
    LISTEN: `127.0.0.1:${port}`, PORT: port, SDK: here('../move/php/sdk.php'), PYTHONDONTWRITEBYTECODE: '1',
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
