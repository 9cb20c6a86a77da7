// Stock pusher-js in Node, restricted to each HTTP transport.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';
import { only, publishAll, text, transports } from './http.mjs';

const ann = { id: 'ann', info: { name: 'Ann' } };
const bob = { id: 'bob', info: { name: 'Bob' } };

for (const transport of transports) {
  test(`${transport}: every kind of channel`, async (t) => {
    const server = await fanfare(t);
    const client = await server.connected({ ...only(server, transport), user: ann });
    assert.equal(client.connection.connection.transport.name, transport);
    for (const name of ['news', 'private-a', 'presence-a', 'cache-a', 'private-cache-a', 'presence-cache-a', 'private-encrypted-a']) {
      const channel = await subscribed(client, name);
      await server.sdk.trigger(name, 'e', { n: name, text: text(1, 100) });
      assert.deepEqual(await channel.log.next('e'), { n: name, text: text(1, 100) });
      if (name.includes('cache')) assert.equal(channel.log.all('pusher:cache_miss').length, 1);
    }
    client.signin();
    const log = new Log(client.user);
    await client.user.signinDonePromise;
    await server.sdk.sendToUser('ann', 'letter', { text: 'é' });
    assert.deepEqual(await log.next('letter'), { text: 'é' });
    client.unsubscribe('news');
    await until('nobody is on the channel', async () =>
      (await (await server.sdk.get({ path: '/channels/news' })).json()).occupied === false);
  });

  test(`${transport}: client events and presence with a WebSocket user in the room`, async (t) => {
    const server = await fanfare(t);
    const room = await subscribed(server.client({ user: ann }), 'presence-room');
    const client = server.client({ ...only(server, transport), user: bob });
    const other = await subscribed(client, 'presence-room');
    assert.deepEqual({ ...other.members.members }, { ann: ann.info, bob: bob.info });
    assert.deepEqual(await room.log.next('pusher:member_added'), { id: 'bob', info: bob.info });
    for (let n = 0; n < 5; n++) {
      other.trigger('client-said', { n, text: 'Grüße 😀' });
      assert.deepEqual(await room.log.next('client-said'), { n, text: 'Grüße 😀' });
      room.trigger('client-answered', { n });
      assert.deepEqual(await other.log.next('client-answered'), { n });
    }
    assert.equal(other.log.all('client-said').length, 0);
    client.unsubscribe('presence-room');
    assert.deepEqual(await room.log.next('pusher:member_removed'), { id: 'bob', info: bob.info });
    await subscribed(client, 'presence-room');
    await room.log.next('pusher:member_added');
    client.disconnect(); // it says no word of it: the request ends
    assert.deepEqual(await room.log.next('pusher:member_removed'), { id: 'bob', info: bob.info });
  });

  test(`${transport}: 1,000 events of 5 KB, in order, none lost or repeated, without a reconnect`, async (t) => {
    const server = await fanfare(t, { log: { access_log: true } });
    const client = server.client(only(server, transport));
    const states = new Log(client.connection);
    const channel = await subscribed(client, 'flood');
    const id = client.connection.socket_id;
    const got = [];
    channel.bind('long', (data) => got.push(data));
    const texts = Array.from({ length: 1000 }, (_, n) => text(n, 5000));
    assert.ok(texts.reduce((sum, s) => sum + Buffer.byteLength(s), 0) >= 5e6);
    await publishAll(server.sdk, 'flood', texts, () => got.length, until);
    await settled(server.sdk, channel);
    assert.deepEqual(got.map((e) => e.n), texts.map((_, n) => n));
    assert.ok(got.every((e, n) => e.data === texts[n]), 'a text is not what was sent');
    assert.equal(client.connection.socket_id, id);
    assert.equal(states.all('state_change').filter((s) => s.current === 'connected').length, 1);
    const receives = server.log.split(`/${transport === 'xhr_polling' ? 'xhr' : transport} status=`).length - 1;
    assert.ok(receives > 20, `all came in ${receives} receives`);
  });

  // A drain says 4100; a kill says nothing.
  for (const signal of ['SIGTERM', 'SIGKILL']) test(`${transport}: a server that restarts after ${signal} is found again`, async (t) => {
    const server = await fanfare(t);
    const client = server.client(only(server, transport));
    const channel = await subscribed(client, 'news');
    const before = client.connection.socket_id;
    await server.stop(signal);
    await server.start();
    await until('a new connection', () => client.connection.state === 'connected' && client.connection.socket_id !== before);
    await channel.log.next('pusher:subscription_succeeded');
    await server.sdk.trigger('news', 'e', { n: 2 });
    assert.deepEqual(await channel.log.next('e'), { n: 2 });
  });

  test(`${transport}: what is refused arrives with its code`, async (t) => {
    const server = await fanfare(t, { apps: [{ id: 'off', key: 'off', secret: 's', enabled: false }] });
    for (const [key, code] of [['nobody', 4001], ['off', 4003]]) {
      const client = server.client({ ...only(server, transport), key });
      const codes = [];
      client.connection.bind('error', (e) => codes.push(e.data?.code ?? e.error?.data?.code));
      await until(`error ${code}`, () => codes.includes(code));
      await until('it gives up', () => client.connection.state === 'disconnected');
    }
  });
}
