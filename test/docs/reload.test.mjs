// Shows that `fanfare reload` prints what docs/reload.md shows.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanfare, oneNode } from '../support/fanfare.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('a reload prints what docs/reload.md shows', async (t) => {
  oneNode(t, 'each node of a cluster reads its own file');
  const page = await readFile(here('../../docs/reload.md'), 'utf8');
  const shown = page.match(/^ {4}reloaded .*\n(?: {6}.*\n)+/m)[0].replace(/^ {4}/gm, '');
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-reload-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await fanfare(t, { app: { id: 'chat' }, log: { level: 'info' }, control_socket: join(folder, 'control.sock') });
  const { config } = server;
  await writeFile(server.file, JSON.stringify({
    ...config,
    listen: '127.0.0.1:1',
    log: { level: 'debug' },
    apps: [{ ...config.apps[0], limits: { ...config.apps[0].limits, max_connections: 5000 } }],
  }));
  const { stdout } = await promisify(execFile)(here('../.bin/fanfare'), ['reload', '--config', server.file]);
  assert.deepEqual(stdout.replace(server.file, '/etc/fanfare/config.yaml').replace(config.listen, ':6001').trim().split('\n').sort(), shown.trim().split('\n').sort());
});
