// The page at /, as somebody sees it who develops: the check of it, and its lines,
// copied and run as they stand.
import assert from 'node:assert/strict';
import { exec } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import Pusher from 'pusher-js';
import { browser } from '../support/browser.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL('../.bin', import.meta.url));

// opened is the page in a browser that may read the clipboard.
async function opened(t, server, path = '/') {
  const context = await (await browser(t)).newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') page.problems.push(message.text()); });
  await page.goto(`http://localhost:${server.port}${path}`);
  return page;
}

// copied is what the button beside a title copies.
async function copied(page, title) {
  await page.locator('h2', { hasText: title }).getByRole('button').click();
  await page.locator('h2', { hasText: title }).getByText('Copied').waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

for (const [name, config] of Object.entries({ 'by default': {}, 'below a path': { path_prefix: '/rt' }, 'without the HTTP fallback': { fallback: { enabled: false } } })) {
  test(`start page ${name}: it works, and so do its lines`, async (t) => {
    const prefix = config.path_prefix ?? '';
    const server = await fanfare(t, { ...config, app: { allowed_origins: ['localhost'] } });
    const page = await opened(t, server, `${prefix}/`);
    await page.getByText('Subscribed to my-channel.').waitFor();
    await page.getByText(/Connected after \d+ ms, as socket \d+\.\d+\./).waitFor();
    await page.getByRole('button', { name: 'Send an event' }).click();
    await page.getByText(/The event came back after \d+ ms\./).waitFor();
    await page.locator('#heard li', { hasText: 'my-event {"message":"hello from the start page"}' }).waitFor();

    const heard = [];
    const lines = (await copied(page, 'A page')).replace(/^import .*\n/, '');
    const pusher = new Function('Pusher', 'console', `${lines}; return pusher`)(Pusher, { log: (data) => heard.push(data) });
    server.clients.push(pusher);
    await until('the copied page has subscribed', () => pusher.channel('my-channel').subscribed);
    const shell = await copied(page, 'A shell');
    await promisify(exec)(shell, { env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } });
    await until('the shell line has arrived', () => heard.length === 1);
    if (!prefix) { // the package has no option for a path
      await new Function('require', `${await copied(page, 'A back end')}`)(require);
      await until('the Node lines have arrived', () => heard.length === 2);
    }
    for (const data of heard) assert.deepEqual(data, { message: 'hello' });
    await until('the page has heard them too', async () => await page.locator('#heard li').count() === heard.length + 1);
    assert.match(await copied(page, 'Laravel'), new RegExp(`^REVERB_PORT=${server.port}$`, 'm'));
    assert.deepEqual(page.problems, []);
  });
}

test('start page of an app of one\'s own: no secret, and none at all unless it is told to', async (t) => {
  oneNode(t, 'what is at /');
  const own = await fanfare(t, { http: { start_page: 'development' }, app: { secret: 'a-secret-of-my-own' } });
  const page = await opened(t, own);
  await page.getByText('send one from a shell').waitFor();
  await page.getByText('Subscribed to my-channel.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Send an event' }).count(), 0);
  assert.match(await copied(page, 'A shell'), /--app-secret "\$FANFARE_APP_SECRET"/);
  assert.doesNotMatch(await page.content(), /a-secret-of-my-own/);
  await page.setViewportSize({ width: 390, height: 800 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, 'a phone shows it without scrolling sideways');

  const plain = await fanfare(t, { app: { secret: 'a-secret-of-my-own' } });
  await page.goto(`http://localhost:${plain.port}/`);
  assert.doesNotMatch(await page.content(), /app-key|<script/);
});

test('start page: a page that may not connect says why', async (t) => {
  oneNode(t, 'what is at /');
  const server = await fanfare(t, { app: { allowed_origins: ['elsewhere.example'] } });
  const page = await opened(t, server);
  await page.getByText(/Not connected: .*\(code 4009\)\./).waitFor();
});
