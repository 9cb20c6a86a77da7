// The load balancers of deploy/compose, before the nodes of a test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './fanfare.mjs';
import { until } from './wait.mjs';

// What a test changes in an example beside its addresses: nothing of the system's
// is written to.
const programs = {
  nginx: {
    file: 'nginx.conf',
    local: (text, folder) => text.replace('http {', ['http {', ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder}/${of};`)].join('\n')),
    command: (file, folder) => ['nginx', '-c', file, '-e', 'stderr', '-g', `daemon off; pid ${folder}/pid;`],
  },
  haproxy: { file: 'haproxy.cfg', local: (text) => text, command: (file) => ['haproxy', '-db', '-f', file] },
};

/** Starts an example before nodes; it ends with the test. */
export async function example(t, name, nodes) {
  const { file, local, command } = programs[name];
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), `fanfare-${name}-`));
  await chmod(folder, 0o755); // for workers of another user
  const written = await readFile(new URL(`../../deploy/compose/${file}`, import.meta.url), 'utf8');
  const text = written.split('\n')
    .filter((line) => !/node(\d):6001/.test(line) || /node(\d):6001/.exec(line)[1] <= nodes.length)
    .map((line) => line.replace(/node(\d):6001/, (_, n) => `127.0.0.1:${nodes[n - 1].port}`).replace(/(listen|bind) .*8080/, `$1 127.0.0.1:${port}`))
    .join('\n');
  await writeFile(join(folder, file), local(text, folder));
  const [program, ...args] = command(join(folder, file), folder);
  let log = '';
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (log += d));
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  });
  await until(`${name} answers`, async () => {
    assert.equal(child.exitCode, null, log);
    return fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false);
  });
  return { port };
}
