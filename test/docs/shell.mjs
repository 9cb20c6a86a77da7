// Runs commands of the manual in bash, with the built fanfare in PATH.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeBlocks } from './blocks.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The code blocks of a page, whose languages are those named: one that a test does not know fails it. */
export async function blocksOf(name, languages) {
  const blocks = codeBlocks(await readFile(here(`../../${name}`), 'utf8'));
  assert.deepEqual(blocks.map(({ info }) => info), languages, `the code blocks of ${name}`);
  return blocks.map(({ text }) => text);
}

/** A folder that goes with the test. */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), 'docs-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Runs the commands of a page that make a folder and install packages there; returns the folder. */
export async function installed(t, script) {
  const cwd = await folder(t);
  const [, name] = script.match(/^mkdir (\w+)$/m);
  await run(t, script, { cwd, env: { npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' } });
  return join(cwd, name);
}

/** Starts a script; `out` and `log` are what it has written, both in `all`. It ends with the test. */
export function start(t, script, { env = {}, cwd } = {}) {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${here('../.bin')}${delimiter}${process.env.PATH}`, ...env },
  });
  const running = { child, out: '', log: '', all: '' };
  child.stdout.on('data', (d) => { running.out += d; running.all += d; });
  child.stderr.on('data', (d) => { running.log += d; running.all += d; });
  running.ended = once(child, 'close').then(([code]) => code);
  t.after(async () => {
    try {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
    } catch (err) {
      if (err.code !== 'ESRCH') throw err; // it has ended by itself, and node does not know yet
    }
    await running.ended;
  });
  return running;
}

/** Runs a script to its end, which has to be a success. */
export async function run(t, script, options) {
  const running = start(t, script, options);
  assert.equal(await running.ended, 0, `${script}\n${running.all}`);
  return running;
}

/** A transcript: the commands behind "$ ", each with the text below it. */
export const transcript = (text) => text.split(/^\$ /m).slice(1).map((part) => {
  const end = part.indexOf('\n');
  return { command: part.slice(0, end), output: part.slice(end + 1) };
});
