// Runs every command of docs/http-api.md, in order and in one shell, against the
// built server. What a JSON block shows has to be the answer to the command above it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { codeBlocks } from './blocks.mjs';

const page = fileURLToPath(new URL('../../docs/http-api.md', import.meta.url));

test('the commands of docs/http-api.md answer what the page says', async (t) => {
  oneNode(t, 'the page is the same for two');
  const server = await fanfare(t);
  const blocks = codeBlocks(await readFile(page, 'utf8'));
  assert.deepEqual([...new Set(blocks.map(({ info }) => info))].sort(), ['json', 'sh']);
  const address = 'HOST=http://localhost:6001';
  const [define, ...rest] = blocks;
  assert.ok(define.text.includes(address));
  const commands = rest.filter(({ info }) => info === 'sh').map(({ text }) => text);
  const script = [define.text.replace(address, `HOST=http://127.0.0.1:${server.port}`), ...commands].join('\n');
  // Without a shell around it, bash takes the socket that node gives it for a network connection, and reads bashrc.
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script]);
  assert.equal(stderr, '');
  const answers = stdout.trim().split('\n').map((line) => JSON.parse(line));
  const shown = rest.filter(({ info }) => info === 'json').map(({ text }) => JSON.parse(text));
  assert.equal(commands.length, shown.length);
  assert.deepEqual(answers, shown);
});
