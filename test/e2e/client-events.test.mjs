// Events that clients send to each other.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';

async function pair(t, channel, config) {
  const server = await fanfare(t, config);
  const clients = [await server.connected({ user: { id: 'ann' } }), await server.connected({ user: { id: 'bob' } })];
  const [sender, receiver] = [await subscribed(clients[0], channel), await subscribed(clients[1], channel)];
  return { server, sender, receiver, errors: new Log({ bind_global: (f) => clients[0].connection.bind('error', (e) => f('error', e.data ?? e)) }) };
}

for (const channel of ['private-x', 'presence-x', 'private-cache-x', 'presence-cache-x']) {
  test(`${channel}: the others get it, the sender does not`, async (t) => {
    const { server, sender, receiver } = await pair(t, channel);
    assert.equal(sender.trigger('client-typing', { at: 'é漢🎉' }), true);
    assert.deepEqual(await receiver.log.next('client-typing'), { at: 'é漢🎉' });
    await settled(server.sdk, sender);
    assert.deepEqual(sender.log.all('client-typing'), []);
  });
}

test('on presence channels the receiver learns who sent it', async (t) => {
  const { sender, receiver } = await pair(t, 'presence-x');
  const metadata = new Promise((done) => receiver.bind('client-typing', (_, m) => done(m)));
  sender.trigger('client-typing', {});
  assert.equal((await metadata).user_id, 'ann');
});

for (const [why, channel, app, trigger, message] of [
  ['a public channel', 'news', {}, ['client-typing', {}], /^Client event rejected - only supported on private and presence channels$/],
  ['an event without data', 'private-x', {}, ['client-typing'], /^Invalid client event \(must contain channel and data\)$/],
  ['data over the limit', 'presence-x', {}, ['client-typing', 'x'.repeat(10_241)], /^The data content of this event exceeds the allowed maximum \(10240 bytes\)$/],
  ['an app without client events', 'private-x', { client_events: false }, ['client-typing', {}], /^To send client events, you must enable this feature/],
]) {
  test(`${why}: an error with code null and Pusher's sentence, and nobody gets it`, async (t) => {
    const { server, sender, receiver, errors } = await pair(t, channel, { app });
    sender.trigger(...trigger);
    const error = await errors.next('error');
    assert.equal(error.code, null);
    assert.match(error.message, message);
    await settled(server.sdk, receiver);
    assert.deepEqual(receiver.log.all('client-typing'), []);
  });
}

test('the eleventh in a second is refused with 4301 and the next second is fine', async (t) => {
  const { sender, receiver, errors } = await pair(t, 'private-x');
  for (let i = 1; i <= 11; i++) sender.trigger('client-n', { i });
  assert.equal((await errors.next('error')).code, 4301);
  await receiver.log.next('client-n', (d) => d.i === 10);
  await until('an event of the next second arrives', () => {
    sender.trigger('client-n', { i: 12 });
    return receiver.log.all('client-n').some((d) => d.i === 12);
  });
  assert.ok(!receiver.log.all('client-n').some((d) => d.i === 11));
});
