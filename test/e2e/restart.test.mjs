// A restart: every kind of pusher-js is back on the next process.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { factor, Log, subscribed, until } from '../support/wait.mjs';
import { balancer, everyone, restart, transports } from '../support/restart.mjs';

// pusher-js tries again a second after it was told, and finds the next process
// if that listens by then. On a machine so slow that it does not, the round says
// nothing and is played again. So it is if the publisher had not sent a byte of
// its next request when the listener closed: then it got no answer at all.
const rounds = 6 * factor;

async function inTime(t, options) {
  for (let round = 1; ; round++) {
    const result = await restart(t, options);
    const early = result.clients.filter((c) => c.told < -900);
    const unanswered = options.signal === 'SIGTERM' && result.accepted.refusal?.status === undefined;
    if (early.length === 0 && !unanswered) return result;
    assert.ok(round < rounds, `the next process did not listen in time, or no publish was refused (${unanswered}):\n${early.map(row).join('\n')}`);
  }
}

// row says what happened to a client, for whoever reads a failure.
const row = (c) => `${c.name}: told ${c.told} ms, tried ${c.tried} ms and back ${c.back} ms after the new process answered, over ${c.after.transport}, codes ${c.after.errors.map((e) => e.code)}`;

for (const runtime of ['node', 'chromium']) {
  for (const [signal, code] of [['SIGTERM', 4100], ['SIGKILL', 1006]]) {
    test(`${runtime}, ${signal}: pusher-js 8, 7 and 4 are back at the first attempt, over what they came by`, async (t) => {
      if (signal === 'SIGTERM') oneNode(t, 'of two nodes one accepts events when the sockets of the other have been closed');
      const { clients, accepted, code: exit } = await inTime(t, { signal, runtimes: [runtime] });
      assert.equal(exit, signal === 'SIGTERM' ? 0 : 'SIGKILL');
      for (const c of clients) {
        t.diagnostic(row(c));
        assert.equal(c.after.transport, transports[c.transport].over, row(c));
        assert.deepEqual(new Set(c.after.errors.map((e) => e.code)), new Set([code]), row(c));
        // One attempt, after the second that pusher-js waits. A refused one would have been a matter of 15 s.
        assert.equal(c.after.states.filter((s) => s.state === 'connecting').length, 1, row(c)); // the first was before anybody looked
        if (signal === 'SIGTERM') {
          assert.deepEqual(c.after.got, Array.from({ length: accepted.last }, (_, n) => n + 1), `accepted were ${accepted.last}; ${row(c)}`);
        }
      }
      if (signal === 'SIGTERM') assert.equal(accepted.refusal.status, 503);
    });
  }
}

// Webhooks may take a while, and nobody can be served until they are sent. Who
// comes in that time is not sent away to come again and again, but told with
// all others.
test('who comes during a long drain waits, and finds the next process', async (t) => {
  const endpoint = await new Endpoint({ id: 'app-id' }).open(t);
  endpoint.manner = 'hangs';
  const server = await fanfare(t, { log: { level: 'debug' }, app: { webhooks: [{ url: endpoint.url }] } });
  await subscribed(server.client(), 'news');
  await until('the endpoint has the first webhook', () => endpoint.requests.length > 0);
  const exit = server.stop('SIGTERM');
  await until('the API refuses', () => server.sdk.trigger('news', 'e', 1).then(() => false, (err) => err.status === 503));
  const late = Object.values(transports).map(({ enabled }) => {
    const client = server.client({ enabledTransports: enabled, httpHost: '127.0.0.1', httpPort: server.port, httpsPort: server.port });
    return { client, states: new Log(client.connection) };
  });
  await until('all have come', () => server.log.split('msg="connection refused"').length > late.length);
  for (const { states } of late) assert.deepEqual(states.all('error'), []);
  endpoint.manner = 'answers';
  endpoint.server.closeAllConnections();
  assert.equal(await exit, 0);
  await server.start();
  for (const { client, states } of late) {
    await until('it is connected', () => client.connection.state === 'connected');
    const [told] = states.all('error'); // the next process may take longer to start than the client waits
    assert.equal(told.data?.code ?? told.error?.data?.code, 4100);
  }
});

test('behind a load balancer with another node clients are there at once', async (t) => {
  const [old, other] = [await fanfare(t, { shutdown: { successor: true, spread: '500ms' } }), await fanfare(t)];
  const front = await balancer(t, old);
  const clients = await everyone(t, old, { over: ['ws', 'all'], at: front });
  front.target = other; // as it would when /readyz turns 503
  const exit = old.stop('SIGTERM');
  for (const c of clients) {
    const after = await until(`${c.name} is back`, async () => {
      const record = await c.read();
      return record.subscribed > 1 && record;
    });
    assert.deepEqual(new Set(after.errors.map((e) => e.code)), new Set([4200]), c.name);
    assert.equal(after.transport, 'ws', c.name);
  }
  assert.equal(await exit, 0);
});
