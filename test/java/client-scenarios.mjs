// What pusher-java-client is put through, release by release. Every release speaks protocol 5.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fanfare } from '../support/fanfare.mjs';
import { Relay } from '../support/relay.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';
import { JavaClient } from './client.mjs';

// Members carry their info as JSON.
const member = ({ id, info }) => ({ id, info: info && JSON.parse(info) });

/**
 * The scenarios of a release, each a name and a test. `has` names what came after the first:
 * encrypted channels, user ids of senders, data that is an object, global
 * listeners, cache misses, users.
 */
export function scenarios(driver, version, ...has) {
  const all = [];
  const connected = (t, server, options) => JavaClient.connected(t, driver, server, options);
  const scenario = (name, run) => all.push([`java ${version}: ${name}`, async (t) => {
    driver.uncaught.length = 0;
    await run(t);
    assert.deepEqual(driver.uncaught, [], 'exceptions that end an Android app');
  }]);

  scenario('asks for protocol 5', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const upgrade = new Promise((done) => server.on('upgrade', (req, socket) => {
      socket.destroy();
      done(req.url);
    }));
    await JavaClient.connect(t, driver, { port: server.address().port, sdk: null });
    assert.equal(await upgrade, `/app/app-key?client=java-client&protocol=5&version=${version}`);
  });

  scenario('connects, has a socket id, disconnects and connects again', async (t) => {
    const server = await fanfare(t);
    const client = await connected(t, server);
    const first = await client.run('socket');
    assert.match(first, /^\d+\.\d+$/);
    await client.run('disconnect');
    await client.state('DISCONNECTED');
    await client.run('reconnect');
    await client.state('CONNECTED');
    await until('another socket id', async () => ![first, null].includes(await client.run('socket')));
  });

  scenario('an unknown key is told and given up', async (t) => {
    const server = await fanfare(t);
    const client = await JavaClient.connect(t, driver, server, { key: 'nobody' });
    const [message, code] = await client.next('connection', 'onError');
    assert.equal(code, '4001');
    assert.match(message, /does not exist|unknown/i);
    await client.state('DISCONNECTED');
  });

  scenario('public channel: events arrive unchanged and in order, none after unsubscribing', async (t) => {
    // With history each event has a serial, a member that this client does not know.
    const server = await fanfare(t, { app: { history: [{ channels: 'news', events: 100, ttl: '10m' }] } });
    const client = await (await connected(t, server)).subscribed('news', 'greeting', 'count', 'end');
    await server.sdk.trigger('news', 'greeting', { text: 'é漢🎉 "<&>\u2028' });
    assert.deepEqual(JSON.parse(await client.event('news', 'greeting')), { text: 'é漢🎉 "<&>\u2028' });
    for (let i = 0; i < 50; i++) await server.sdk.trigger('news', 'count', String(i));
    await server.sdk.trigger('news', 'end', '');
    assert.equal(await client.event('news', 'end'), '');
    assert.deepEqual(client.all('news', 'onEvent').filter(([e]) => e === 'count').map(([, data]) => data), Array.from({ length: 50 }, (_, i) => String(i)));

    await client.run('unsubscribe', { channel: 'news' });
    await until('the channel is vacated', async () => !(await (await server.sdk.get({ path: '/channels/news' })).json()).occupied);
    await client.subscribed('news', 'greeting');
    await server.sdk.trigger('news', 'greeting', 'again');
    assert.equal(await client.event('news', 'greeting'), 'again');
  });

  scenario('bind and unbind', async (t) => {
    const server = await fanfare(t);
    const client = await (await connected(t, server)).subscribed('news', 'end');
    await client.run('bind', { channel: 'news', event: 'late' });
    await server.sdk.trigger('news', 'late', '1');
    assert.equal(await client.event('news', 'late'), '1');
    await client.run('unbind', { channel: 'news', event: 'late' });
    await server.sdk.trigger('news', 'late', '2');
    await server.sdk.trigger('news', 'end', '');
    await client.event('news', 'end');
    assert.deepEqual(client.all('news', 'onEvent').map(([e]) => e), ['late', 'end']);
  });

  if (has.includes('global listeners')) scenario('bindGlobal hears every event', async (t) => {
    const server = await fanfare(t);
    const client = await (await connected(t, server)).subscribed('news');
    await client.run('bindGlobal', { channel: 'news' });
    await server.sdk.trigger('news', 'any', '1');
    assert.equal(await client.event('news', 'any'), '1');
  });

  scenario('private channel', async (t) => {
    const server = await fanfare(t);
    const client = await (await connected(t, server)).subscribed('private-x', 'greeting');
    await server.sdk.trigger('private-x', 'greeting', 'hello');
    assert.equal(await client.event('private-x', 'greeting'), 'hello');
    assert.equal((await client.run('channel', { channel: 'private-x' })).subscribed, true);
  });

  scenario('a back end that refuses: onAuthenticationFailure', async (t) => {
    const server = await fanfare(t);
    const client = await connected(t, server, { query: 'refuse' });
    await client.run('subscribe', { channel: 'private-x', events: [] });
    assert.match((await client.next('private-x', 'onAuthenticationFailure'))[0], /403/);
  });

  for (const channel of ['private-x', 'presence-x', ...(has.includes('encrypted') ? ['private-encrypted-x'] : [])]) {
    scenario(`a wrong signature on ${channel}: onError of the connection, which stays`, async (t) => {
      const server = await fanfare(t);
      const client = await connected(t, server, { query: 'user=ann&wrong' });
      await client.run('subscribe', { channel, events: [] });
      const [message, code, exception] = await client.next('connection', 'onError');
      assert.match(message, /signature/i);
      assert.deepEqual([code, exception], [null, null]);
      await client.subscribed('news');
      assert.equal((await client.run('channel', { channel })).subscribed, false);
    });
  }

  scenario('presence: who is there, who comes and who goes', async (t) => {
    const server = await fanfare(t);
    const bob = await server.connected({ user: { id: 'bob', info: { name: 'Bob' } } });
    const room = await subscribed(bob, 'presence-room');
    const query = new URLSearchParams({ user: 'ann', info: '{"name":"Änne 🎉"}' }).toString();
    const ann = await (await connected(t, server, { query })).subscribed('presence-room');
    const [name, members] = await ann.next('presence-room', 'onUsersInformationReceived');
    assert.equal(name, 'presence-room');
    const both = [{ id: 'ann', info: { name: 'Änne 🎉' } }, { id: 'bob', info: { name: 'Bob' } }];
    assert.deepEqual(members.map(member).sort((a, b) => a.id.localeCompare(b.id)), both);
    assert.deepEqual(await room.log.next('pusher:member_added'), both[0]);
    const seen = await ann.run('channel', { channel: 'presence-room' });
    assert.deepEqual(member(seen.me), both[0]);

    const cat = await server.connected({ user: { id: 'cat' } });
    await subscribed(cat, 'presence-room');
    assert.deepEqual((await ann.next('presence-room', 'userSubscribed'))[1], { id: 'cat', info: null });
    cat.disconnect();
    assert.deepEqual((await ann.next('presence-room', 'userUnsubscribed'))[1], { id: 'cat', info: null });
    assert.equal((await ann.run('channel', { channel: 'presence-room' })).users.length, 2);
    await ann.run('unsubscribe', { channel: 'presence-room' });
    assert.equal((await room.log.next('pusher:member_removed', ({ id }) => id === 'ann')).id, 'ann');
  });

  for (const channel of ['private-chat', 'presence-chat']) {
    scenario(`client events on ${channel}, both ways`, async (t) => {
      const server = await fanfare(t);
      const web = await subscribed(await server.connected({ user: { id: 'bob' } }), channel);
      const app = await (await connected(t, server, { query: 'user=ann' })).subscribed(channel, 'client-typing', 'client-object');
      await app.run('trigger', { channel, event: 'client-typing', data: '{"from":"é漢🎉"}' });
      assert.deepEqual(await web.log.next('client-typing'), { from: 'é漢🎉' });

      web.trigger('client-typing', '{"from":"web"}');
      const [, data, place, user] = await app.next(channel, 'onEvent');
      assert.equal(data, '{"from":"web"}');
      assert.equal(place, channel);
      if (has.includes('user ids')) assert.equal(user, channel.startsWith('presence-') ? 'bob' : null);
      // Releases before 2.4.2 want strings of whoever sends.
      if (has.includes('objects')) {
        web.trigger('client-object', { deep: [1, null, 'é'] });
        assert.deepEqual(JSON.parse(await app.event(channel, 'client-object')), { deep: [1, null, 'é'] });
      }
      await settled(server.sdk, web);
      assert.equal(app.all(channel, 'onEvent').filter(([e]) => e === 'client-typing').length, 1, 'its own event came back');
    });
  }

  scenario('a client event without data, of whoever sends it, reaches nobody', async (t) => {
    const server = await fanfare(t);
    const sender = await server.connected();
    const web = await subscribed(sender, 'private-chat');
    const errors = new Log({ bind_global: (f) => sender.connection.bind('error', (e) => f('error', e.data)) });
    const app = await (await connected(t, server)).subscribed('private-chat', 'client-x', 'end');
    web.trigger('client-x');
    assert.match((await errors.next('error')).message, /^Invalid client event/);
    await server.sdk.trigger('private-chat', 'end', '');
    await app.event('private-chat', 'end');
    assert.equal(app.all('private-chat', 'onEvent').length, 1);
  });

  scenario('client events that are refused: onError of the connection', async (t) => {
    const server = await fanfare(t, { app: { client_events: false } });
    const app = await (await connected(t, server)).subscribed('private-chat');
    await app.run('trigger', { channel: 'private-chat', event: 'client-x', data: '{}' });
    assert.match((await app.next('connection', 'onError'))[0], /client events/i);
    await app.subscribed('news');
  });

  scenario('cache channels: the last event, and a miss that says so', async (t) => {
    const server = await fanfare(t);
    for (const channel of ['cache-x', 'private-cache-x', 'presence-cache-x']) {
      const early = await (await connected(t, server, { query: 'user=ann' })).subscribed(channel, 'pusher:cache_miss', 'price');
      // The others keep every event of that prefix to themselves.
      if (has.includes('cache misses')) assert.equal(await early.event(channel, 'pusher:cache_miss'), '{}');
      await server.sdk.trigger(channel, 'price', { eur: 7 });
      assert.deepEqual(JSON.parse(await early.event(channel, 'price')), { eur: 7 });
      const late = await (await connected(t, server, { query: 'user=bob' })).subscribed(channel, 'pusher:cache_miss', 'price');
      assert.deepEqual(JSON.parse(await late.event(channel, 'price')), { eur: 7 });
      assert.equal(late.all(channel, 'onEvent').length, 1);
    }
  });

  if (has.includes('encrypted')) scenario('encrypted channels: what the SDK encrypts, the client decrypts', async (t) => {
    const server = await fanfare(t, { app: { subscription_count: true } });
    const client = await (await connected(t, server)).subscribed('private-encrypted-x', 'secret', 'garbage');
    await subscribed(await server.connected(), 'private-encrypted-x');
    await server.sdk.trigger('private-encrypted-x', 'secret', { text: 'é漢🎉' });
    assert.deepEqual(JSON.parse(await client.event('private-encrypted-x', 'secret')), { text: 'é漢🎉' });
    assert.deepEqual(client.all('private-encrypted-x', 'onDecryptionFailure'), []);

    await client.subscribed('private-encrypted-cache-x', 'secret');
    await server.sdk.trigger('private-encrypted-cache-x', 'secret', 'kept');
    assert.equal(await client.event('private-encrypted-cache-x', 'secret'), '"kept"');
    const late = await (await connected(t, server)).subscribed('private-encrypted-cache-x', 'secret');
    assert.equal(await late.event('private-encrypted-cache-x', 'secret'), '"kept"');
    assert.deepEqual(client.all('connection', 'onError'), []);
  });

  if (has.includes('users')) scenario('sign-in, events to the user, and being terminated', async (t) => {
    const server = await fanfare(t);
    const client = await connected(t, server, { query: 'user=ann' });
    await client.run('signin', { events: ['hello'] });
    await until('the client knows its user', async () => (await client.run('user')) === 'ann');
    await until('an event reaches the user', async () => {
      await server.sdk.sendToUser('ann', 'hello', { from: 'é漢🎉' });
      return client.all('user', 'onEvent').length > 0;
    });
    assert.deepEqual(JSON.parse(await client.event('user', 'hello')), { from: 'é漢🎉' });
    await server.sdk.terminateUserConnections('ann');
    assert.equal((await client.next('connection', 'onError'))[1], '4009');
    await client.state('DISCONNECTED');
  });

  if (has.includes('users')) scenario('a sign-in that is refused', async (t) => {
    const server = await fanfare(t);
    const client = await connected(t, server, { query: 'user=ann&wrong' });
    await client.run('signin', { events: [] });
    assert.equal((await client.next('connection', 'onError'))[1], '4009');
    await client.state('DISCONNECTED');
    assert.equal(await client.run('user'), null);
  });

  if (has.includes('users')) scenario('subscription_count of an app that wants it', async (t) => {
    const server = await fanfare(t, { app: { subscription_count: true } });
    const client = await (await connected(t, server)).subscribed('news', 'pusher:subscription_count');
    await subscribed(await server.connected(), 'news');
    await client.next('news', 'onEvent', ([, data]) => JSON.parse(data).subscription_count === 2);
  });

  for (const signal of ['SIGTERM', 'SIGKILL']) {
    scenario(`a server that is restarted with ${signal}: back, subscribed again and hearing events`, async (t) => {
      const server = await fanfare(t);
      const client = await connected(t, server, { query: 'user=ann' });
      const channels = ['news', 'private-x', 'presence-x', ...(has.includes('encrypted') ? ['private-encrypted-x'] : [])];
      for (const channel of channels) await client.subscribed(channel, 'after');
      await server.stop(signal);
      await client.state('RECONNECTING');
      await server.start();
      await client.state('CONNECTED');
      for (const channel of channels) {
        await client.next(channel, 'onSubscriptionSucceeded');
        await server.sdk.trigger(channel, 'after', { channel });
        assert.deepEqual(JSON.parse(await client.event(channel, 'after')), { channel });
      }
    });
  }

  scenario('an idle connection: the client pings, is answered and stays', async (t) => {
    const server = await fanfare(t);
    const relay = await Relay.open(t, server.port);
    const client = await connected(t, { port: relay.port, sdk: server.sdk }, { activityTimeout: 1000, pongTimeout: 5000 });
    await until('two pongs', () => relay.count('"pusher:pong"') >= 2);
    assert.equal(relay.connections, 1);
    assert.deepEqual(client.all('connection', 'onConnectionStateChange').flat(), ['CONNECTING', 'CONNECTED']);
  });

  scenario('a short activity timeout of the server: its pings are answered', async (t) => {
    const server = await fanfare(t, { app: { activity_timeout: '1s', pong_timeout: '5s' } });
    const relay = await Relay.open(t, server.port);
    const client = await connected(t, { port: relay.port, sdk: server.sdk });
    await until('two pings of the server', () => relay.count('\x89\x00') + relay.count('"pusher:ping"') >= 2);
    await client.subscribed('news', 'still-there');
    await server.sdk.trigger('news', 'still-there', '');
    await client.event('news', 'still-there');
    assert.equal(relay.connections, 1);
  });

  return all;
}
