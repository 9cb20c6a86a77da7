// Stock pusher-js in headless Chromium, restricted to each HTTP transport and
// behind a proxy that breaks WebSockets. The page is of another origin than the
// server, so that every request is preflighted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { fanfare } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { hostileProxy, publishAll, text, transports } from './http.mjs';

const script = createRequire(import.meta.url).resolve('pusher-js/dist/web/pusher-with-encryption.js');

// open loads an empty page with pusher-js and connects. Authorisation comes
// from the test itself.
async function open(t, server, user, options) {
  const site = createServer(async (req, res) =>
    res.setHeader('content-type', req.url === '/pusher.js' ? 'text/javascript' : 'text/html')
      .end(req.url === '/pusher.js' ? await readFile(script) : '<!doctype html><script src="/pusher.js"></script>'));
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const page = await (await browser(t)).newPage();
  t.after(() => site.close());
  page.problems = [];
  page.on('pageerror', (err) => page.problems.push(String(err)));
  await page.exposeFunction('authorize', (socket, name) =>
    server.sdk.authorizeChannel(socket, name, name.startsWith('presence-') ? { user_id: user } : undefined));
  await page.exposeFunction('authenticate', (socket) => server.sdk.authenticateUser(socket, { id: user }));
  await page.goto(`http://127.0.0.1:${site.address().port}`);
  await page.evaluate((options) => {
    window.log = [];
    window.long = [];
    window.ids = new Set();
    window.pusher = new Pusher('app-key', {
      cluster: 'any', wsHost: '127.0.0.1', httpHost: '127.0.0.1', forceTLS: false,
      channelAuthorization: { customHandler: ({ socketId, channelName }, done) => window.authorize(socketId, channelName).then((a) => done(null, a), done) },
      userAuthentication: { customHandler: ({ socketId }, done) => window.authenticate(socketId).then((a) => done(null, a), done) },
      ...options,
    });
    window.pusher.connection.bind('connected', () => window.ids.add(window.pusher.connection.socket_id));
    window.join = (name) => window.pusher.subscribe(name).bind_global((event, data) => {
      if (event === 'long') window.long.push(data);
      else window.log.push({ channel: name, event, data });
    });
  }, options);
  return page;
}

const saw = (page, channel, event, data) => until(`${event} on ${channel}`, () => page.evaluate(([c, e, d]) =>
  window.log.find((l) => l.channel === c && l.event === e && (d === undefined || JSON.stringify(l.data) === d)), [channel, event, data && JSON.stringify(data)]));

const join = async (page, name) => {
  await page.evaluate((n) => { window.join(n); }, name);
  await saw(page, name, 'pusher:subscription_succeeded');
};

const say = (page, name, data) => page.evaluate(([n, d]) => window.pusher.channel(n).trigger('client-said', d), [name, data]);

const transportOf = (page) => page.evaluate(() => window.pusher.connection.connection.transport.name);

for (const transport of transports) {
  test(`chromium, ${transport}: channels, client events, presence with a WebSocket user`, async (t) => {
    const server = await fanfare(t);
    const ann = await subscribed(server.client({ user: { id: 'ann' } }), 'presence-room');
    const page = await open(t, server, 'bob', { wsPort: server.port, httpPort: server.port, httpsPort: server.port, enabledTransports: [transport] });
    const kinds = ['news', 'private-a', 'private-encrypted-a', 'cache-a', 'private-cache-a', 'presence-cache-a', 'presence-room'];
    for (const name of kinds) await join(page, name);
    assert.equal(await transportOf(page), transport);
    assert.equal((await ann.log.next('pusher:member_added')).id, 'bob');
    await say(page, 'presence-room', { text: 'Grüße' });
    assert.deepEqual(await ann.log.next('client-said'), { text: 'Grüße' });
    ann.trigger('client-said', { text: '漢字' });
    await saw(page, 'presence-room', 'client-said', { text: '漢字' });
    for (const name of kinds) {
      await server.sdk.trigger(name, 'e', { name });
      await saw(page, name, 'e', { name });
    }
    await page.evaluate(() => { window.pusher.signin(); return window.pusher.user.signinDonePromise; });
    await page.evaluate(() => window.pusher.user.bind('letter', (data) => window.log.push({ channel: 'user', event: 'letter', data })));
    await server.sdk.sendToUser('bob', 'letter', { n: 1 });
    await saw(page, 'user', 'letter', { n: 1 });
    await page.close();
    assert.equal((await ann.log.next('pusher:member_removed')).id, 'bob');
    assert.deepEqual(page.problems, []);
  });

  test(`chromium, ${transport}: 1,000 events of 5 KB, in order, none lost or repeated, without a reconnect`, async (t) => {
    const server = await fanfare(t, { log: { access_log: true } });
    const page = await open(t, server, 'bob', { wsPort: server.port, httpPort: server.port, httpsPort: server.port, enabledTransports: [transport] });
    await join(page, 'flood');
    const texts = Array.from({ length: 1000 }, (_, n) => text(n, 5000));
    const received = () => page.evaluate(() => window.long.length);
    await publishAll(server.sdk, 'flood', texts, received, until);
    await server.sdk.trigger('flood', 'settled', {});
    await saw(page, 'flood', 'settled');
    const got = await page.evaluate(() => window.long);
    assert.deepEqual(got.map((e) => e.n), texts.map((_, n) => n));
    assert.ok(got.every((e, n) => e.data === texts[n]), 'a text is not what was sent');
    assert.equal(await page.evaluate(() => window.ids.size), 1);
    const receives = server.log.split(`/${transport === 'xhr_polling' ? 'xhr' : transport} status=200`).length - 1;
    assert.ok(receives > 20, `all came in ${receives} receives`);
  });

  test(`chromium, ${transport}: a server that restarts is found again`, async (t) => {
    const server = await fanfare(t);
    const page = await open(t, server, 'bob', { wsPort: server.port, httpPort: server.port, httpsPort: server.port, enabledTransports: [transport] });
    await join(page, 'news');
    await server.stop();
    await server.start();
    await until('a new connection', () => page.evaluate(() => window.ids.size === 2));
    await until('the subscription is back', async () =>
      (await (await server.sdk.get({ path: '/channels/news' })).json()).occupied);
    await server.sdk.trigger('news', 'e', { n: 2 });
    await saw(page, 'news', 'e', { n: 2 });
  });
}

test('chromium behind a proxy that breaks WebSockets connects by itself and chats', async (t) => {
  const server = await fanfare(t);
  const proxy = await hostileProxy(t, server, (socket) => socket.destroy());
  const ann = await subscribed(server.client({ user: { id: 'ann' } }), 'presence-room');
  const page = await open(t, server, 'bob', { wsPort: proxy.port, wssPort: proxy.port, httpPort: proxy.port, httpsPort: proxy.port });
  await join(page, 'presence-room');
  assert.ok(proxy.attempts > 0, 'it did not try a WebSocket');
  assert.match(await transportOf(page), /^xhr_/);
  await say(page, 'presence-room', { text: 'hello' });
  assert.deepEqual(await ann.log.next('client-said'), { text: 'hello' });
  ann.trigger('client-said', { text: 'welcome' });
  await saw(page, 'presence-room', 'client-said', { text: 'welcome' });
});
