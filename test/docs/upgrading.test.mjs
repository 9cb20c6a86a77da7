// Runs the commands of docs/upgrading.md: a new binary is checked, migrates the
// database, and takes over from the server that runs.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { codeBlocks } from './blocks.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('a server is upgraded as docs/upgrading.md says', async (t) => {
  oneNode(t, 'it is about one process after another');
  const blocks = codeBlocks(await readFile(here('../../docs/upgrading.md'), 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-upgrade-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const name of ['fanfare', 'fanfare-new']) await copyFile(here('../.bin/fanfare'), join(folder, name));
  const port = await freePort();
  await writeFile(join(folder, 'config.yaml'), JSON.stringify({
    listen: `127.0.0.1:${port}`,
    metrics: { listen: '' },
    control_socket: join(folder, 'control.sock'),
    store: { kind: 'sqlite', dsn: join(folder, 'apps.db'), migrate: false },
  }));
  const run = async (info) => {
    const [block, ...others] = blocks.filter((b) => b.info === info);
    assert.ok(block && others.length === 0, `the page has one block "${info}"`);
    const script = block.text.replaceAll('/usr/local/bin/', `${folder}/`).replaceAll('/etc/fanfare/', `${folder}/`);
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], { cwd: folder, env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } });
    return stdout;
  };
  const answers = () => fetch(`http://127.0.0.1:${port}/healthz`).then((r) => r.ok, () => false);

  await run('sh check');
  await run('sh migrate');
  const old = spawn(join(folder, 'fanfare'), ['serve', '--config', join(folder, 'config.yaml')], { stdio: 'ignore' });
  t.after(() => old.kill('SIGKILL'));
  const exited = once(old, 'exit');
  await until('the server answers', answers);
  const [, pid] = /^process (\d+) serves now$/m.exec(await run('sh upgrade'));
  t.after(() => process.kill(Number(pid), 'SIGKILL'));
  assert.notEqual(Number(pid), old.pid);
  const [code] = await exited;
  assert.equal(code, 0);
  assert.ok(await answers());
});
