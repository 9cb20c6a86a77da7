// The app that a tutorial makes: its commands, which install packages in a folder of
// its own, its files there, its pages in Chromium.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { browser } from '../support/browser.mjs';
import { freePort } from '../support/fanfare.mjs';
import { codeBlocks } from './blocks.mjs';
import { installed } from './shell.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Starts the app of a page against a server. `infos` are the code blocks that the page has, in order. */
export async function tutorial(t, name, server, infos) {
  const blocks = codeBlocks(await readFile(here(`../../docs/${name}`), 'utf8'));
  assert.deepEqual(blocks.map(({ info }) => info), infos);
  const block = (info) => blocks.find((b) => b.info === info).text;

  const folder = await installed(t, block('sh install'));
  const port = await freePort();
  for (const file of ['server.mjs', 'index.html']) {
    const text = block(blocks.find(({ info }) => info.endsWith(` ${file}`)).info);
    await writeFile(join(folder, file), text.replace('wsPort: 6001', `wsPort: ${server.port}`));
  }
  const [command, ...args] = block('sh start').trim().split(' ');
  assert.equal(command, 'node');
  const running = spawn(process.execPath, args, {
    cwd: folder, env: { ...process.env, PORT: String(port), FANFARE_PORT: String(server.port) }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => running.kill());
  const [line] = await once(running.stdout, 'data');
  assert.equal(String(line).trim(), 'ready');

  const chromium = await browser(t);
  return {
    block,
    folder,
    /** Runs a command of the page; returns what it prints. */
    run: async (info) => {
      assert.ok(block(info).includes('http://localhost:3000'), info);
      const { stdout } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', block(info).replace('localhost:3000', `127.0.0.1:${port}`).replace('curl ', 'curl -sS ')]);
      return stdout;
    },
    /** A window with cookies of its own, or of the window it is given. */
    open: async (path = '/', beside) => {
      const tab = await (beside?.context() ?? await chromium.newContext()).newPage();
      await tab.goto(`http://127.0.0.1:${port}${path}`);
      return tab;
    },
  };
}
