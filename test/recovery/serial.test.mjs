// The serial of an event is a member that clients do not know: they go on as before.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import Echo from 'laravel-echo';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';

const require = createRequire(import.meta.url);
const app = { history: [{ channels: '*', events: 50, ttl: '10m', rewind: 3, client_events: true }] };

for (const name of ['pusher-js-4', 'pusher-js-7', 'pusher-js', 'laravel-echo']) {
  test(`${name}: rewind, live events and client events on channels with history`, async (t) => {
    const server = await fanfare(t, { app });
    const options = server.options({ user: { id: 'ann', info: {} } });
    options.authorizer = ({ name: channelName }) => ({ authorize: (socketId, done) => options.channelAuthorization.customHandler({ socketId, channelName },
      (err, data) => (name === 'pusher-js-4' ? done(Boolean(err), data) : done(err, data))) });
    const Pusher = require(name === 'laravel-echo' ? 'pusher-js' : name);
    const make = () => {
      const client = new Pusher('app-key', options);
      server.clients.push(client);
      return name === 'laravel-echo' ? new Echo({ broadcaster: 'pusher', key: 'app-key', client }).connector.pusher : client;
    };
    for (const channel of ['news', 'private-x', 'presence-x']) {
      for (const n of [1, 2, 3, 4]) await server.sdk.trigger(channel, 'n', { n });
      const [client, other] = [make(), make()];
      const [got, heard, errors] = [[], [], []];
      client.connection.bind('error', (err) => errors.push(err));
      const subscription = client.subscribe(channel).bind('n', (data) => got.push(data)).bind('client-n', (data) => heard.push(data));
      const others = other.subscribe(channel);
      await until('both are subscribed', () => subscription.subscribed && others.subscribed);
      await server.sdk.trigger(channel, 'n', { n: 5 });
      if (channel !== 'news') others.trigger('client-n', { n: 1 });
      await until('all have come', () => got.length >= 4 && (channel === 'news' || heard.length > 0));
      assert.deepEqual(got, [2, 3, 4, 5].map((n) => ({ n })));
      assert.deepEqual(heard, channel === 'news' ? [] : [{ n: 1 }]);
      assert.deepEqual(errors, []);
    }
    // They did get it.
    const wire = await new Wire(server).open();
    wire.send({ event: 'pusher:subscribe', data: { channel: 'news' } });
    for (let i = 0; i < 4; i++) assert.match(await wire.next(), /,"serial":"[0-9a-z]+-[0-9a-z]+"}$/);
  });
}

test('pysher: rewind and live events on a channel with history', async (t) => {
  const server = await fanfare(t, { app });
  for (const n of [1, 2, 3, 4]) await server.sdk.trigger('news', 'n', n);
  const here = (path) => fileURLToPath(new URL(path, import.meta.url));
  const client = spawn(here('../.venv/bin/python'), [here('../support/pysher_client.py'), String(server.port)]);
  t.after(() => client.kill('SIGKILL'));
  let said = '';
  for (const stream of [client.stdout, client.stderr]) stream.on('data', (d) => (said += d));
  await until('the rewind', () => said.includes('4'));
  await server.sdk.trigger('news', 'n', 5);
  await until('the live event', () => said.includes('5'));
  assert.deepEqual(said.trim().split('\n'), ['subscribed', '2', '3', '4', '5']);
});
