// Nothing lost, nothing twice, in order: stock pusher-js with rewind, and pusher-js
// with clients/js whose network is cut, over every transport and kind of channel.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import { recover } from '../../clients/js/recovery.js';
import { browser } from '../support/browser.mjs';
import { fanfare } from '../support/fanfare.mjs';
import { Line } from '../support/line.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { script } from './forms.mjs';
import { versions } from './versions.mjs';

const require = createRequire(import.meta.url);
const history = [{ channels: '*', events: 100, ttl: '10m', client_events: true }];
const channels = ['news', 'private-x', 'presence-x', 'private-encrypted-x'];
const transports = ['ws', 'xhr_streaming', 'xhr_polling'];
const upTo = (n, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);

const at = (port, transport = 'ws') => ({
  wsHost: '127.0.0.1', wsPort: port, httpHost: '127.0.0.1', httpPort: port, enabledTransports: [transport],
});

/** A pusher-js behind a line of its own, with what it got by channel and the gaps it was told of. */
async function behindLine(t, server, { Pusher, transport = 'ws', user = 'ann', on = ['news'] } = {}) {
  const line = await Line.open(t, server.port);
  const options = { ...server.options({ user: { id: user, info: { name: user } } }), ...at(line.port, transport) };
  const authorize = options.channelAuthorization.customHandler;
  options.authorizer = ({ name: channelName }) => ({ authorize: (socketId, done) => authorize({ socketId, channelName }, done) }); // 7.0
  const pusher = new (Pusher ?? require('pusher-js'))('app-key', options);
  server.clients.push(pusher);
  const gaps = [];
  const recovery = recover(pusher, { onGap: (...gap) => gaps.push(gap) });
  const got = {};
  for (const name of on) {
    got[name] = [];
    for (const event of ['n', 'client-n']) pusher.subscribe(name).bind(event, (n) => got[name].push(n));
  }
  const ready = () => until('all is subscribed', () => on.every((name) => pusher.channel(name).subscribed));
  await ready();
  return { line, pusher, recovery, gaps, got, ready };
}

const publish = async (server, names, numbers) => {
  for (const n of numbers) for (const name of names) await server.sdk.trigger(name, 'n', n);
};

/** Cuts a client off, does something meanwhile, and lets it come back. */
async function away({ line, pusher, ready }, meanwhile) {
  line.cut();
  await until('the loss is noticed', () => {
    const lost = pusher.connection.state !== 'connected';
    if (!lost) line.break(); // a poll that was made meanwhile would wait for the line, as the next connection may
    return lost;
  });
  await meanwhile();
  line.heal();
  await ready();
}

const gets = (client, name, want) => until(`${name} gets ${want.at(-1)}`, () => client.got[name].includes(want.at(-1)))
  .then(() => assert.deepEqual(client.got[name], want));

test('stock pusher-js: whoever subscribes gets the last events, then live ones', async (t) => {
  const server = await fanfare(t, { app: { history: [{ channels: '*', events: 50, ttl: '10m', rewind: 20 }] } });
  for (const name of channels) {
    await publish(server, [name], upTo(30));
    const client = server.client({ user: { id: 'ann' } });
    const publishing = publish(server, [name], upTo(60, 31)); // while it subscribes
    const channel = await subscribed(client, name);
    await publishing;
    await until('the last', () => channel.log.all('n').includes(60));
    const got = channel.log.all('n');
    assert.deepEqual(got, upTo(60, got[0]));
    assert.ok(got[0] >= 11 && got[0] <= 41, `the first was ${got[0]}`);
    client.disconnect();
  }
});

for (const [version, name] of Object.entries(versions)) {
  for (const transport of transports) {
    test(`pusher-js ${version}, ${transport}: what is said while it is away comes, on each kind of channel`, async (t) => {
      const server = await fanfare(t, { app: { history } });
      const client = await behindLine(t, server, { Pusher: require(name), transport, on: channels });
      await publish(server, channels, upTo(3));
      for (const channel of channels) await gets(client, channel, upTo(3));
      await away(client, () => publish(server, channels, upTo(23, 4)));
      await publish(server, channels, upTo(25, 24));
      for (const channel of channels) await gets(client, channel, upTo(25));
      assert.deepEqual(client.gaps, []);
      assert.equal(client.pusher.connection.connection.transport.name, transport);
    });
  }
}

test('chromium: the form for script tags with each version of pusher-js, the newest over each transport', async (t) => {
  const server = await fanfare(t, { app: { history } });
  const site = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url, 'http://site');
    if (pathname === '/recovery.js') return res.end(script);
    if (pathname === '/pusher.js') return res.end(await readFile(require.resolve(`${searchParams.get('of')}/dist/web/pusher-with-encryption.js`)));
    if (req.method !== 'POST') return res.setHeader('content-type', 'text/html').end(`<!doctype html><script src="/pusher.js${req.url.slice(1)}"></script><script src="/recovery.js"></script>`);
    let body = '';
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const channel = form.get('channel_name');
    res.end(JSON.stringify(server.sdk.authorizeChannel(form.get('socket_id'), channel, channel.startsWith('presence-') ? { user_id: 'ann' } : undefined)));
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  t.after(() => site.close());
  const chromium = await browser(t);
  const clients = [];
  for (const [version, name] of Object.entries(versions)) {
    for (const transport of name === 'pusher-js' ? transports : ['ws']) {
      const line = await Line.open(t, server.port);
      const page = await (await chromium.newContext()).newPage();
      await page.goto(`http://127.0.0.1:${site.address().port}/?of=${name}`);
      await page.evaluate(([options, channels]) => {
        window.pusher = new Pusher('app-key', options);
        window.gaps = [];
        FanfareRecovery.recover(window.pusher, { onGap: (...gap) => window.gaps.push(gap) });
        window.got = {};
        for (const name of channels) {
          window.got[name] = [];
          window.pusher.subscribe(name).bind('n', (n) => window.got[name].push(n));
        }
      }, [{ cluster: 'any', ...at(line.port, transport), forceTLS: false, authEndpoint: '/auth', disableStats: true }, channels]);
      clients.push({ title: `${version} ${transport}`, line, page });
    }
  }
  const all = (what, condition, ...args) => Promise.all(clients.map(({ title, page }) => until(`${title}: ${what}`, () => page.evaluate(condition, ...args))));
  const whole = () => all('all is subscribed', (names) => window.pusher.connection.state === 'connected' && names.every((n) => window.pusher.channel(n).subscribed), channels);
  await whole();
  await publish(server, channels, upTo(3));
  await all('three events', (names) => names.every((n) => window.got[n].length === 3), channels);
  for (const { line } of clients) line.cut();
  await Promise.all(clients.map(({ title, line, page }) => until(`${title}: the loss is noticed`, async () => {
    const lost = await page.evaluate(() => window.pusher.connection.state !== 'connected');
    if (!lost) line.break();
    return lost;
  })));
  await publish(server, channels, upTo(13, 4));
  for (const { line } of clients) line.heal();
  await whole();
  await publish(server, channels, [14]);
  await all('the last', (names) => names.every((n) => window.got[n].includes(14)), channels);
  for (const { title, page } of clients) {
    assert.deepEqual(await page.evaluate(() => window.got), Object.fromEntries(channels.map((n) => [n, upTo(14)])), title);
    assert.deepEqual(await page.evaluate(() => window.gaps), [], title);
  }
});

// In a cluster the history is in Redis and outlives all nodes.
const inRedis = Number(process.env.FANFARE_TEST_NODES || 1) > 1;

test(`kill -9 with the history in ${inRedis ? 'Redis: everything is recovered' : 'memory: the page is told, and goes on'}`, async (t) => {
  const server = await fanfare(t, { app: { history } });
  const client = await behindLine(t, server);
  await publish(server, ['news'], upTo(3));
  await gets(client, 'news', upTo(3));
  client.line.cut(); // so that the client is away when events are published again
  await server.stop('SIGKILL');
  await server.start();
  client.line.break();
  if (inRedis) await publish(server, ['news'], [4]);
  client.line.heal();
  const back = inRedis ? () => client.got.news.includes(4) : () => client.gaps.length > 0;
  await until('it is back', back);
  assert.deepEqual(client.gaps, inRedis ? [] : [['news', 'epoch_changed']]);
  if (!inRedis) await publish(server, ['news'], [4]);
  await gets(client, 'news', upTo(4));
  const gaps = client.gaps.length;
  await away(client, () => publish(server, ['news'], upTo(9, 5)));
  await gets(client, 'news', upTo(9));
  assert.equal(client.gaps.length, gaps);
});

test('1,000 events while away, of which 100 are kept: told why, then the rewind', async (t) => {
  const server = await fanfare(t, { app: { history: [{ ...history[0], rewind: 5 }] } });
  const client = await behindLine(t, server);
  await publish(server, ['news'], [1]);
  await gets(client, 'news', [1]);
  await away(client, async () => {
    for (let n = 2; n <= 1001; n += 10) await server.sdk.triggerBatch(upTo(n + 9, n).map((i) => ({ channel: 'news', name: 'n', data: i })));
  });
  await publish(server, ['news'], [1002]);
  await gets(client, 'news', [1, ...upTo(1002, 997)]);
  assert.deepEqual(client.gaps, [['news', 'too_old']]);
});

test('a presence room with client events: nobody gets their own back, and presence is as it was', async (t) => {
  const server = await fanfare(t, { app: { history, limits: { client_events_per_second: 0 } } });
  const room = 'presence-room';
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((user) => behindLine(t, server, { user, on: [room] })));
  for (const n of upTo(5)) ann.pusher.channel(room).trigger('client-n', n);
  await gets(bob, room, upTo(5));
  await away(ann, async () => {
    for (const n of upTo(15, 6)) bob.pusher.channel(room).trigger('client-n', n);
    await until('they are kept', async () => {
      const answer = await server.sdk.get({ path: `/channels/${room}/history` });
      return (await answer.json()).events.length === 15;
    });
  });
  await publish(server, [room], [16]);
  await gets(ann, room, upTo(16, 6));
  await gets(bob, room, [...upTo(5), 16]);
  await until('both are in the room', () => [ann, bob].every(({ pusher }) => pusher.channel(room).members.count === 2));
});

// mulberry32, so that a round can be played again.
const random = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
  return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
};

test('50 seeded rounds: cut at any moment, two or three times', async (t) => {
  const server = await fanfare(t, { app: { history } });
  const first = Number(process.env.SEED ?? 1);
  const round = async (seed) => {
    const chance = random(seed);
    const name = `${['', 'private-', 'presence-'][seed % 3]}round-${seed}`;
    const client = await behindLine(t, server, { on: [name] });
    let n = 0;
    const say = async (most) => {
      for (let left = Math.floor(chance() * most); left > 0; left--) await publish(server, [name], [++n]);
    };
    let connected = 0;
    client.pusher.connection.bind('connected', () => connected++);
    for (let cuts = 2 + Math.floor(chance() * 2); cuts > 0; cuts--) {
      const [saying, before] = [say(20), connected];
      await new Promise((resume) => setTimeout(resume, chance() * 20)); // in the middle of it, or of the last recovery, or not
      client.line.break();
      await saying;
      await say(10);
      await until(`round ${seed} is back`, () => connected > before);
    }
    await publish(server, [name], [++n]);
    await until(`round ${seed}: the last`, () => client.got[name].includes(n));
    assert.deepEqual(client.got[name], upTo(n), `seed ${seed}`);
    assert.deepEqual(client.gaps, [], `seed ${seed}`);
    client.pusher.disconnect();
  };
  await Promise.all(upTo(first + 49, first).map(round));
});
