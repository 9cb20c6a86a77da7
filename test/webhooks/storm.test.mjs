// Crowds that nobody signed for, at an app with webhooks.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';

test('anonymous sockets fill the queue of an endpoint that is down: every signed event arrives, once and in order', async (t) => {
  const endpoint = await new Endpoint().open(t);
  await endpoint.close(); // nobody answers at its address
  const server = await fanfare(t, {
    app: { id: '1001', limits: { client_events_per_second: 0 }, webhooks: [{ url: endpoint.url, batch: { enabled: true, interval: '100ms' } }] },
    webhooks: { queue_events: 1000, grace: '0s' },
    metrics: { listen: '127.0.0.1:0' },
  });
  const [, metrics] = await until('the address of the metrics', () => server.log.match(/metrics=(\S+)/));
  const dropped = async (of) => {
    const text = await fetch(`http://${metrics}/metrics`).then((r) => r.text());
    const lines = text.split('\n').filter((line) => line.startsWith('fanfare_webhook_events_dropped_total') && line.includes(`class="${of}"`));
    assert.ok(lines.length > 0, text);
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const channel = await subscribed(server.client(), 'private-orders');
  for (let round = 0; round < 20; round++) {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => new Wire(server).open()));
    for (const [i, wire] of sockets.entries()) {
      for (let c = 0; c < 20; c++) wire.send({ event: 'pusher:subscribe', data: { channel: `public-${round}-${i}-${c}` } });
      await until('it is on all', () => wire.messages.length === 20);
      wire.socket.close();
    }
    channel.trigger('client-order', { n: round });
  }
  await until('unsigned events were dropped', async () => (await dropped('unsigned')) > 1000);
  assert.equal(await dropped('signed'), 0);

  const again = await new Endpoint().open(t, endpoint.port);
  const orders = () => again.events.filter((e) => e.name === 'client_event').map((e) => JSON.parse(e.data).n);
  await until('the last signed event', () => orders().at(-1) === 19, 120_000);
  assert.deepEqual(orders(), Array.from({ length: 20 }, (_, i) => i));
  assert.equal(again.events.filter((e) => e.channel === 'private-orders' && e.name === 'channel_occupied').length, 1);
  await again.validate();
});
