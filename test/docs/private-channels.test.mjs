// Runs the back end and the page of docs/private-channels.md as they stand, with
// pusher-js and the SDK from npm, and does in Chromium what the page says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser } from '../support/browser.mjs';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { codeBlocks } from './blocks.mjs';
import { installed } from './shell.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('the page and the back end of docs/private-channels.md do what they say', { timeout: 120_000 }, async (t) => {
  oneNode(t, 'the page is the same for two');
  const server = await fanfare(t);
  const blocks = codeBlocks(await readFile(here('../../docs/private-channels.md'), 'utf8'));
  assert.deepEqual(blocks.map(({ info }) => info), ['sh install', 'js server.mjs', 'html index.html', 'sh start']);
  const [install, backEnd, page] = blocks.map(({ text }) => text);

  const folder = await installed(t, install);
  const write = (name) => writeFile(join(folder, 'index.html'), page.replace('wsPort: 6001', `wsPort: ${server.port}`).replaceAll('private-orders', name));
  await write('private-orders');
  await writeFile(join(folder, 'server.mjs'), backEnd);
  const port = await freePort();
  const running = spawn(process.execPath, ['server.mjs'], {
    cwd: folder, env: { ...process.env, PORT: String(port), FANFARE_PORT: String(server.port) }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => running.kill());
  const [line] = await once(running.stdout, 'data');
  assert.equal(String(line).trim(), 'ready');

  const chromium = await browser(t);
  const open = async () => {
    const tab = await (await chromium.newContext()).newPage();
    await tab.route('https://js.pusher.com/**', (route) => {
      const { version } = JSON.parse(pusher);
      assert.equal(route.request().url(), `https://js.pusher.com/${version}/pusher.min.js`);
      return route.fulfill({ path: here('../node_modules/pusher-js/dist/web/pusher.min.js'), contentType: 'text/javascript' });
    });
    await tab.goto(`http://localhost:${port}/`);
    return tab;
  };
  const pusher = await readFile(here('../node_modules/pusher-js/package.json'), 'utf8');
  const [first, second] = [await open(), await open()];
  for (const tab of [first, second]) await tab.getByText('subscribed', { exact: true }).waitFor();
  await first.getByRole('button', { name: 'Order' }).click();
  for (const tab of [first, second]) await tab.getByText('order 1').waitFor();

  await write('private-salaries');
  const third = await open();
  await third.getByText('refused: 403').waitFor();
});
