// pusher-js as a browser runs it: headless Chromium on a page of this test.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const script = createRequire(import.meta.url).resolve('pusher-js/dist/web/pusher.js');

// site serves an empty page with pusher-js, and signs for the test's app.
async function site(t, server) {
  const http = createServer(async (req, res) => {
    if (req.url === '/pusher.js') return res.end(await readFile(script));
    if (req.method !== 'POST') return res.setHeader('content-type', 'text/html').end('<!doctype html><script src="/pusher.js"></script>');
    let body = '';
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const [socket, channel] = [form.get('socket_id'), form.get('channel_name')];
    const user = form.get('user');
    res.end(JSON.stringify(req.url === '/user-auth' ? server.sdk.authenticateUser(socket, { id: user })
      : server.sdk.authorizeChannel(socket, channel, channel.startsWith('presence-') ? { user_id: user, user_info: { name: user } } : undefined)));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => http.close());
  return `http://127.0.0.1:${http.address().port}`;
}

// open loads the page and connects; window.log gathers every event of a channel.
async function open(t, server, url, user) {
  const page = await (await browser(t)).newPage();
  await page.goto(url);
  await page.evaluate(({ port, user }) => {
    window.log = [];
    window.errors = [];
    const auth = (endpoint) => ({ endpoint, transport: 'ajax', params: { user } });
    window.pusher = new Pusher('app-key', {
      cluster: 'any', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'],
      channelAuthorization: auth('/auth'), userAuthentication: auth('/user-auth'),
    });
    window.pusher.connection.bind('error', (e) => window.errors.push(e.data?.code ?? e.error?.data?.code));
    window.join = (name) => window.pusher.subscribe(name).bind_global((event, data) => window.log.push({ channel: name, event, data }));
  }, { port: server.port, user });
  return page;
}

const saw = (page, channel, event) => until(`${event} on ${channel}`, () =>
  page.evaluate(([c, e]) => window.log.find((l) => l.channel === c && l.event === e), [channel, event]));

test('chromium: public, private and presence channels, client events, users', async (t) => {
  const server = await fanfare(t);
  const url = await site(t, server);
  const [ann, bob] = [await open(t, server, url, 'ann'), await open(t, server, url, 'bob')];
  for (const page of [ann, bob]) {
    for (const name of ['news', 'private-x', 'presence-x', 'private-cache-x']) {
      await page.evaluate((n) => { window.join(n); }, name);
      await saw(page, name, 'pusher:subscription_succeeded');
    }
  }
  assert.equal((await saw(ann, 'presence-x', 'pusher:member_added')).data.id, 'bob');
  await server.sdk.trigger('news', 'hello', { text: 'é漢🎉' });
  for (const page of [ann, bob]) assert.deepEqual((await saw(page, 'news', 'hello')).data, { text: 'é漢🎉' });
  await ann.evaluate(() => { window.pusher.channel('presence-x').trigger('client-typing', { on: true }); });
  assert.deepEqual((await saw(bob, 'presence-x', 'client-typing')).data, { on: true });
  await ann.evaluate(() => { window.pusher.signin(); return window.pusher.user.signinDonePromise; });
  await ann.evaluate(() => { window.pusher.user.bind('notice', (data) => window.log.push({ channel: 'me', event: 'notice', data })); });
  await server.sdk.sendToUser('ann', 'notice', 1);
  await saw(ann, 'me', 'notice');
  await bob.close();
  assert.equal((await saw(ann, 'presence-x', 'pusher:member_removed')).data.id, 'bob');
});

test('chromium: a page of a foreign origin is refused with 4009', async (t) => {
  const server = await fanfare(t, { app: { allowed_origins: ['https://chat.example'] } });
  const page = await open(t, server, await site(t, server), 'ann');
  await until('error 4009', () => page.evaluate(() => window.errors.includes(4009)));
});

test('chromium: a killed server is found again and subscribed anew', async (t) => {
  const server = await fanfare(t);
  const page = await open(t, server, await site(t, server), 'ann');
  await page.evaluate(() => { window.join('news'); });
  await saw(page, 'news', 'pusher:subscription_succeeded');
  await server.stop('SIGKILL');
  await until('the loss is noticed', () => page.evaluate(() => window.pusher.connection.state !== 'connected'));
  await page.evaluate(() => { window.log.length = 0; });
  await server.start();
  await saw(page, 'news', 'pusher:subscription_succeeded');
  await server.sdk.trigger('news', 'back', 1);
  await saw(page, 'news', 'back');
});
