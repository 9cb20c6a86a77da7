// Endpoints that fail, and servers that die.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';

async function folder(t) {
  const made = await mkdtemp(join(tmpdir(), 'fanfare-hooks-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

const metric = async (server, name) => {
  const [, url] = await until('the address of the metrics', () => server.log.match(/metrics=(\S+)/));
  const text = await fetch(`http://${url}/metrics`).then((r) => r.text());
  return Number(text.match(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm'))[1]);
};

/** Subscribes one socket to channels c0, c1, … and waits for the last. */
async function occupy(server, count) {
  const wire = await new Wire(server).open();
  for (let i = 0; i < count; i++) wire.send({ event: 'pusher:subscribe', data: { channel: `c${i}` } });
  await until('the last subscription', () => wire.messages.some((m) => m.includes('succeeded') && m.includes(`"c${count - 1}"`)));
  return wire;
}

test('kill -9 with 1,000 undelivered events: all arrive after the restart, in order', async (t) => {
  oneNode(t, 'webhooks.store is a file of one process, and a cluster keeps the order within each channel');
  const endpoint = await new Endpoint().open(t);
  await endpoint.close(); // nobody answers at its address
  const server = await fanfare(t, {
    app: { id: '1001', webhooks: [{ url: endpoint.url, events: ['channel_occupied'] }] },
    webhooks: { store: join(await folder(t), 'hooks.db') },
    metrics: { listen: '127.0.0.1:0' },
  });
  await occupy(server, 1000);
  await until('all are queued', async () => (await metric(server, 'fanfare_webhook_events_queued')) === 1000);
  await until('all are saved', async () => (await metric(server, 'fanfare_webhook_store_unsaved')) === 0);
  assert.equal(await server.stop('SIGKILL'), 'SIGKILL');
  assert.equal(endpoint.requests.length, 0);

  const again = await new Endpoint().open(t, endpoint.port);
  await server.start();
  await until('1,000 events', () => again.events.length >= 1000);
  assert.deepEqual(again.events.map((e) => e.channel), Array.from({ length: 1000 }, (_, i) => `c${i}`));
  await again.validate();
  await until('the store is empty', async () => (await metric(server, 'fanfare_webhook_store_unsaved')) === 0);

  // And they do not come again.
  await server.stop('SIGKILL');
  await server.start();
  await until('the server is up', async () => (await metric(server, 'fanfare_ready')) === 1);
  assert.equal(await metric(server, 'fanfare_webhook_events_queued'), 0);
});

test('an endpoint that refuses is tried again with the same body; order is kept', async (t) => {
  oneNode(t, 'a cluster keeps the order within each channel, and these are ten');
  const endpoint = await new Endpoint().open(t);
  endpoint.status = 500;
  const server = await fanfare(t, { app: { id: '1001', webhooks: [{ url: endpoint.url }] } });
  await occupy(server, 10);
  await until('two attempts', () => endpoint.requests.length >= 2);
  assert.equal(endpoint.requests[0].body, endpoint.requests[1].body);
  endpoint.status = 200;
  await endpoint.event({ channel: 'c9' });
  assert.deepEqual(endpoint.events.map((e) => e.channel), Array.from({ length: 10 }, (_, i) => `c${i}`));
  await endpoint.validate();
});

test('an endpoint that answers 500, hangs, resets, is slow, and is gone for 20 s: all arrive, in order', async (t) => {
  const endpoint = await new Endpoint().open(t);
  const server = await fanfare(t, {
    app: { id: '1001', limits: { client_events_per_second: 0 }, webhooks: [{ url: endpoint.url, events: ['client_event'] }] },
    webhooks: { timeout: '1s' },
  });
  const [sender, receiver] = [server.client(), server.client()];
  const channel = await subscribed(sender, 'private-x');
  const other = await subscribed(receiver, 'private-x');
  let sent = 0;
  const say = (n) => { for (const end = sent + n; sent < end; sent++) channel.trigger('client-n', { n: sent }); };

  say(20);
  await until('it works', () => endpoint.events.length === 20);
  for (const [manner, status] of [['answers', 500], ['hangs', 200], ['resets', 200]]) {
    const before = endpoint.requests.length;
    Object.assign(endpoint, { manner, status });
    say(20);
    await until(`an attempt while it ${manner}`, () => endpoint.requests.length > before);
  }
  Object.assign(endpoint, { manner: 'slow', status: 200 });
  say(3);
  await until('one gets through, slowly', () => endpoint.events.length > 20);

  await endpoint.close();
  const gone = Date.now();
  while (Date.now() - gone < 20_000) { // sockets go on as if nothing were
    say(1);
    await until('the other socket hears it', () => other.log.all('client-n').length === sent);
    await new Promise((resume) => setTimeout(resume, 100));
  }
  const again = await new Endpoint().open(t, endpoint.port);
  say(1);
  // Asked once a minute by now, and not hammered.
  await until('all have arrived', () => again.events.at(-1)?.data === JSON.stringify({ n: sent - 1 }));

  const numbers = [...endpoint.events, ...again.events].map((e) => JSON.parse(e.data).n);
  const firsts = numbers.filter((n, i) => numbers.indexOf(n) === i);
  assert.deepEqual(firsts, Array.from({ length: sent }, (_, i) => i));
  await again.validate();
});

test('a dead endpoint disturbs neither sockets nor the other endpoint', async (t) => {
  const dead = await new Endpoint().open(t);
  await dead.close();
  const endpoint = await new Endpoint().open(t);
  const server = await fanfare(t, {
    app: { id: '1001', webhooks: [{ url: dead.url }, { url: endpoint.url }], limits: { client_events_per_second: 0 } },
  });
  const [sender, receiver] = [server.client(), server.client()];
  const channel = await subscribed(sender, 'private-x');
  const other = await subscribed(receiver, 'private-x');
  for (let i = 0; i < 300; i++) channel.trigger('client-n', { i });
  await until('300 events at the other socket', () => other.log.all('client-n').length === 300);
  await until('300 events at the endpoint', () => endpoint.events.filter((e) => e.name === 'client_event').length === 300);
  await endpoint.validate();
});

test('SIGTERM delivers what is queued and what is held back', async (t) => {
  oneNode(t, 'a cluster whose nodes all end tells who has gone when one is back');
  const endpoint = await new Endpoint().open(t);
  const server = await fanfare(t, {
    app: { id: '1001', webhooks: [{ url: endpoint.url, batch: { enabled: true, interval: '1m' } }] },
  });
  await subscribed(server.client(), 'news');
  assert.equal(await server.stop(), 0);
  assert.deepEqual(endpoint.events.map((e) => e.name).filter((n) => n.startsWith('channel_')), ['channel_occupied', 'channel_vacated']);
  await endpoint.validate();
});
