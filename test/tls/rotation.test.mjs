// Another certificate while Chromium is connected over wss and events arrive.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { Authority } from './authority.mjs';
import { presented } from './client.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // for the SDK; presented verifies

const script = await readFile(createRequire(import.meta.url).resolve('pusher-js/dist/web/pusher.js'), 'utf8');
const sockets = 40;

// open connects clients from a page of its own browser context, which shares no
// connection with others, and tells for whom the certificate was.
async function open(chromium, server, count) {
  const page = await (await chromium.newContext({ ignoreHTTPSErrors: false })).newPage();
  const response = await page.goto(`${server.http}/up`);
  const { subjectName } = await response.securityDetails();
  await page.evaluate(script);
  await page.evaluate(({ port, count }) => {
    window.clients = Array.from({ length: count }, () => {
      const client = new Pusher('app-key', { cluster: 'any', wsHost: '127.0.0.1', wssPort: port, forceTLS: true, enabledTransports: ['wss', 'ws'] });
      const seen = { states: [], events: [], ready: false };
      client.connection.bind('state_change', ({ current }) => seen.states.push(current));
      client.subscribe('news').bind('n', (n) => seen.events.push(n)).bind('pusher:subscription_succeeded', () => { seen.ready = true; });
      return seen;
    });
  }, { port: server.port, count });
  await until('all are subscribed', () => page.evaluate(() => window.clients.every((c) => c.ready)));
  return { page, name: subjectName };
}

test('chromium keeps its sockets while the certificate changes twice; new ones get the new certificate', async (t) => {
  let [sent, stop] = [0, false];
  t.after(() => { stop = true; });
  const authority = await Authority.of(t);
  const serials = [await authority.issue('first')];
  const server = await fanfare(t, { tls: authority.configuration });
  const chromium = await browser(t, [`--ignore-certificate-errors-spki-list=${authority.fingerprint}`]);
  const serial = async () => (await presented({ port: server.port, ca: authority.pem })).serialNumber;

  const before = await open(chromium, server, sockets);
  assert.equal(before.name, 'first');
  assert.equal(await serial(), serials[0]);

  // Events go on through both changes, each when the one before it is there:
  // a slow browser would fall behind by more and more.
  const publishing = (async () => {
    while (!stop) {
      await server.sdk.trigger('news', 'n', ++sent);
      await until(`event ${sent} came`, () => stop || before.page.evaluate((n) => window.clients.every((c) => c.events.at(-1) === n), sent));
    }
  })();
  const published = async (more) => {
    const least = sent + more;
    await until(`${more} more events are sent`, () => sent >= least);
  };
  await published(20);

  // The files change, and nobody tells the server.
  serials.push(await authority.issue('second'));
  await until('new connections get the second certificate', async () => (await serial()) === serials[1]);
  await published(20);
  const between = await open(chromium, server, 1);
  assert.equal(between.name, 'second');

  // They change, and the server is told.
  serials.push(await authority.issue('third'));
  server.child.kill('SIGHUP');
  await until('new connections get the third certificate', async () => (await serial()) === serials[2]);
  const after = await open(chromium, server, 1);
  assert.equal(after.name, 'third');
  await published(20);

  stop = true;
  await publishing;
  for (const { page, name } of [before, between, after]) {
    await until(`the last event came to those of ${name}`, () => page.evaluate((n) => window.clients.every((c) => c.events.at(-1) === n), sent));
    for (const client of await page.evaluate(() => window.clients)) {
      assert.deepEqual(client.states, ['connected'], name);
      const first = client.events[0];
      assert.deepEqual(client.events, Array.from({ length: sent - first + 1 }, (_, i) => first + i), name);
    }
  }
  const [oldest] = await before.page.evaluate(() => window.clients[0].events);
  assert.equal(oldest, 1);
  t.diagnostic(`${sockets} sockets, ${sent} events, certificates ${serials.join(', ')}`);
});
