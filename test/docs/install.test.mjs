// Runs the commands of docs/install.md that build and try the program, in a folder
// of their own.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { oneNode } from '../support/fanfare.mjs';
import { codeBlocks } from './blocks.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (script, cwd) => promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], { cwd });

test('the program is built and tried as docs/install.md says', async (t) => {
  oneNode(t, 'nothing is served');
  const blocks = codeBlocks(await readFile(here('../../docs/install.md'), 'utf8'));
  const only = (info) => {
    const [block, ...others] = blocks.filter((b) => b.info === info);
    assert.ok(block && others.length === 0, `the page has one block "${info}"`);
    return block.text;
  };
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-install-'));
  t.after(() => rm(folder, { recursive: true }));
  const build = only('sh build');
  assert.ok(build.includes(' -o bin/fanfare '));
  await run(build.replace(' -o bin/', ` -o ${folder}/bin/`), here('../..'));
  await writeFile(join(folder, 'config.yaml'), ''); // the checkout has one
  await run(only('sh run'), folder);
  assert.equal((await stat(join(folder, 'fanfare.yaml'))).mode & 0o777, 0o600);
  // Another system takes the same command, with its name in front.
  assert.equal(only('sh cross').replace(' GOOS=linux GOARCH=arm64', '').replace('bin/fanfare-arm64', 'bin/fanfare'), build);
});
