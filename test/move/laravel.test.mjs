// examples/laravel: its JavaScript with laravel-echo, its PHP with as much of
// Laravel as it uses (php/laravel.php).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { browser } from '../support/browser.mjs';
import { freePort } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { imported } from './imported.mjs';

const example = fileURLToPath(new URL('../../examples/laravel', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

/** A .env file as Vite has it: the names that begin with VITE_, with ${…} replaced. */
function viteEnv(text) {
  const env = {};
  for (const [, name, value] of text.matchAll(/^([A-Z_]+)="?(.*?)"?$/gm)) env[name] = value.replace(/\$\{(\w+)\}/g, (_, of) => env[of]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('VITE_')));
}

/** resources/js/echo.js as a page of the user runs it. */
async function page(server, env, auth, user) {
  const text = (await readFile(join(example, 'resources/js/echo.js'), 'utf8'))
    .replace('import.meta.env', JSON.stringify(env))
    // A browser has the address of the page, and its session.
    .replace('...server,', `...server, authEndpoint: '${auth}', auth: { headers: { 'X-User': '${user}' } },`);
  const file = join(here, `.page-${process.pid}-${Math.random()}.mjs`); // where node_modules is found
  await writeFile(file, text);
  globalThis.window = globalThis;
  try {
    await import(pathToFileURL(file));
  } finally {
    await rm(file);
  }
  server.clients.push(globalThis.Echo.connector.pusher);
  return globalThis.Echo;
}

/** The PHP of the example, on a port of its own, beside the files of `root`. */
async function laravel(t, port, env, root = here) {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-laravel-'));
  const log = join(folder, 'log');
  await writeFile(log, '');
  const child = spawn('php', ['-S', `127.0.0.1:${port}`, '-t', root, join(here, 'php/laravel.php')], {
    env: { ...process.env, ...env, LOG: log, EXAMPLE: example, PHP_CLI_SERVER_WORKERS: '4' }, stdio: ['ignore', 'ignore', 'pipe'], detached: true,
  });
  let said = '';
  child.stderr.on('data', (d) => (said += d));
  const exited = once(child, 'exit');
  t.after(async () => {
    process.kill(-child.pid, 'SIGTERM'); // its workers too
    await exited;
    await rm(folder, { recursive: true, force: true });
  });
  await until('PHP listens', () => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false));
  return {
    url: `http://127.0.0.1:${port}`,
    said: () => said,
    logged: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean).map((line) => JSON.parse(line)),
  };
}

for (const from of ['reverb', 'pusher']) {
  test(`laravel: the example with env.${from}: who is there, messages to the others`, async (t) => {
    const app = { id: '740221', key: 'app-key', secret: 'app-secret' };
    const text = await readFile(join(example, `env.${from}`), 'utf8');
    const phpPort = await freePort();
    const server = await imported(t, { '.env': text }, app);
    const php = await laravel(t, phpPort, { APP_ID: app.id, APP_KEY: app.key, APP_SECRET: app.secret, SERVER: server.http });
    const env = { ...viteEnv(text), [`VITE_${from.toUpperCase()}_HOST`]: '127.0.0.1', [`VITE_${from.toUpperCase()}_PORT`]: server.port };

    const auth = `${php.url}/broadcasting/auth`;
    const [ann, bob] = [await page(server, env, auth, 1), await page(server, env, auth, 2)];
    const heard = [];
    let people;
    ann.join('rooms.1').here((all) => (people = all)).listen('MessageSent', (e) => heard.push(['ann', e]));
    await until('Ann is there', () => people);
    assert.deepEqual(people, [{ id: 1, name: 'Ann' }]);
    await new Promise((done) => bob.join('rooms.1').listen('MessageSent', (e) => heard.push(['bob', e])).here(done));

    const post = (path, body, headers) => fetch(php.url + path, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });
    const say = (text, headers) => post('/rooms/1/messages', JSON.stringify({ text }), { 'X-User': '1', ...headers }).then((r) => r.status);
    assert.equal(await say('to the others', { 'X-Socket-ID': ann.socketId() }), 204, php.said());
    assert.equal(await say('to all'), 204, php.said());
    await until('both are heard', () => heard.length === 3);
    assert.deepEqual(heard.sort((a, b) => a[0].localeCompare(b[0])), [
      ['ann', { author: 'Ann', text: 'to all' }], ['bob', { author: 'Ann', text: 'to the others' }], ['bob', { author: 'Ann', text: 'to all' }],
    ]);
    assert.equal(await say(''), 422);

    const refused = new Promise((done) => ann.private('App.Models.User.2').error(done));
    assert.equal((await refused).status, 403);
  });
}

// The components as Laravel's Vite builds them, in Chromium.
test('laravel: useEchoPresence with React and with Vue, in one room', async (t) => {
  const app = { id: '740221', key: 'app-key', secret: 'app-secret' };
  const server = await imported(t, { '.env': await readFile(join(example, 'env.reverb'), 'utf8') }, app);
  const built = await mkdtemp(join(tmpdir(), 'fanfare-page-'));
  t.after(() => rm(built, { recursive: true, force: true }));
  await promisify(execFile)(join(here, 'page/node_modules/.bin/vite'), ['build', '--outDir', built, '--emptyOutDir', '--logLevel', 'warn'], {
    cwd: join(here, 'page'),
    env: { ...process.env, VITE_REVERB_APP_KEY: app.key, VITE_REVERB_HOST: '127.0.0.1', VITE_REVERB_PORT: String(server.port), VITE_REVERB_SCHEME: 'http' },
  });
  const php = await laravel(t, await freePort(), { APP_ID: app.id, APP_KEY: app.key, APP_SECRET: app.secret, SERVER: server.http }, built);
  const chromium = await browser(t);
  const open = async (page, user) => {
    const context = await chromium.newContext();
    await context.addCookies([{ name: 'user', value: String(user), url: php.url }]);
    const tab = await context.newPage();
    await tab.goto(`${php.url}/${page}.html`);
    return tab;
  };
  const shows = (tab, what, want) => until(`${what} is ${want}`, async () => (await tab.locator(what).allTextContents()).join(' | ') === want);
  const ann = await open('react', 1);
  await shows(ann, 'p', 'Ann');
  const bob = await open('vue', 2);
  await shows(bob, 'p', 'Ann, Bob');
  await shows(ann, 'p', 'Ann, Bob');
  for (const [tab, text] of [[ann, 'from React'], [bob, 'from Vue']]) {
    await tab.locator('input').fill(text);
    await tab.locator('input').press('Enter');
    await shows(tab === ann ? bob : ann, 'li:last-child', `${tab === ann ? 'Ann' : 'Bob'}: ${text}`);
  }
  await shows(ann, 'li', 'me: from React | Bob: from Vue');
  await shows(bob, 'li', 'Ann: from React | me: from Vue');
  await bob.close();
  await shows(ann, 'p', 'Ann');
});

test('laravel: the webhook controller takes what the app signed, and nothing else', async (t) => {
  const app = { id: 'hooked', key: 'hooked-key', secret: 'hooked-secret' };
  const port = await freePort();
  const hooks = { url: `http://127.0.0.1:${port}/hooks/realtime`, event_types: ['channel_occupied', 'member_added'] };
  const server = await imported(t, { 'soketi.json': JSON.stringify({ 'appManager.array.apps': [{ ...app, webhooks: [hooks] }] }) }, app);
  const php = await laravel(t, port, { APP_ID: app.id, APP_KEY: app.key, APP_SECRET: app.secret, SERVER: server.http });
  const client = await server.connected({ key: app.key, user: { id: '7' } });
  client.subscribe('presence-rooms.1');
  await until('both webhooks are logged', async () => (await php.logged()).length === 2);
  assert.deepEqual(await php.logged(), [
    ['channel_occupied', { channel: 'presence-rooms.1' }], ['member_added', { channel: 'presence-rooms.1', user: '7' }],
  ]);
  const forged = await fetch(hooks.url, { method: 'POST', body: '{"events":[]}', headers: { 'X-Pusher-Key': app.key, 'X-Pusher-Signature': 'a'.repeat(64) } });
  assert.equal(forged.status, 401);
});

for (const name of ['compose.sail.yaml', 'compose.coolify.yaml']) {
  test(`laravel: the variables of ${name} make a configuration without a warning`, async () => {
    const text = await readFile(join(example, name), 'utf8');
    const app = { REVERB_APP_ID: '740221', REVERB_APP_KEY: 'app-key', REVERB_APP_SECRET: 'secret' };
    const variables = [...text.matchAll(/^ +(FANFARE_\w+): *"?(.*?)"?$/gm)];
    assert.ok(variables.length >= 4);
    const env = Object.fromEntries(variables.map(([, key, value]) => [key, value.replace(/\$\{(\w+):\?\}/, (_, of) => app[of])]));
    const { stdout, stderr } = await promisify(execFile)(join(here, '../.bin/fanfare'), ['config', 'check'], { env });
    assert.match(stdout, /is usable: 1 app, clients on :(8080|6001)$/m);
    assert.equal(stderr, '');
  });
}

test('laravel: every PHP file of the example is PHP', async () => {
  const files = (await readdir(example, { recursive: true })).filter((name) => name.endsWith('.php'));
  assert.ok(files.length >= 5);
  for (const name of files) await promisify(execFile)('php', ['-l', join(example, name)]);
});
