// pusher-http-java against the server: the class that blocks and the one that does not.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, masterKey } from '../support/fanfare.mjs';
import { Relay } from '../support/relay.mjs';
import { Log, subscribed, until } from '../support/wait.mjs';
import { java } from './client.mjs';

const app = { id: '1001' }; // as the endpoint of webhooks has it
const text = 'é漢🎉 "<&>\u2028';
const success = (result, message = '{}') => assert.deepEqual(result, { status: 'SUCCESS', http: 200, message });

const driver = java('pusher-http-java-1.3.4', 'Http');
after(() => driver.end());

for (const type of ['Pusher', 'PusherAsync']) {
  /** A server with a relay before it, and an SDK for that. */
  async function serve(t, config) {
    const server = await fanfare(t, { app, ...config });
    const relay = await Relay.open(t, server.port);
    await driver.run('make', { type, host: `127.0.0.1:${relay.port}`, appId: app.id, key: 'app-key', secret: 'app-secret', masterKey });
    return { server, relay };
  }

  const scenario = (name, run) => test(`java http ${type}: ${name}`, run);

  scenario('trigger on one channel and on many, over one connection', async (t) => {
    const { server, relay } = await serve(t);
    const client = await server.connected();
    const [news, sport] = [await subscribed(client, 'news'), await subscribed(client, 'sport')];
    success(await driver.run('trigger', { channel: 'news', event: 'one', data: { text } }));
    assert.deepEqual(await news.log.next('one'), { text });
    success(await driver.run('trigger', { channel: ['news', 'sport'], event: 'many', data: [1, null, 'x'] }));
    for (const channel of [news, sport]) assert.deepEqual(await channel.log.next('many'), [1, null, 'x']);
    const hundred = Array.from({ length: 100 }, (_, i) => `channel-${i}`);
    success(await driver.run('trigger', { channel: hundred, event: 'many', data: 'x' }));
    assert.equal(relay.connections, 1);
  });

  scenario('trigger with an excluded recipient', async (t) => {
    const { server } = await serve(t);
    const [here, there] = [await server.connected(), await server.connected()];
    const [mine, theirs] = [await subscribed(here, 'news'), await subscribed(there, 'news')];
    const socketId = here.connection.socket_id;
    success(await driver.run('trigger', { channel: 'news', event: 'one', data: 1, socketId }));
    success(await driver.run('trigger', { channel: ['news', 'sport'], event: 'many', data: 2, socketId }));
    success(await driver.run('trigger', { channel: 'news', event: 'end', data: 3 }));
    for (const event of ['one', 'many', 'end']) await theirs.log.next(event);
    await mine.log.next('end');
    assert.deepEqual(mine.log.entries.map((e) => e.event).filter((e) => !e.startsWith('pusher:')), ['end']);
  });

  scenario('a batch, with encrypted events and excluded recipients', async (t) => {
    const { server } = await serve(t);
    const client = await server.connected();
    const [news, secret] = [await subscribed(client, 'news'), await subscribed(client, 'private-encrypted-x')];
    success(await driver.run('batch', { events: [
      { channel: 'news', name: 'one', data: { text } },
      { channel: 'news', name: 'not-me', data: 2, socketId: client.connection.socket_id },
      { channel: 'private-encrypted-x', name: 'secret', data: { text } },
      { channel: 'news', name: 'end', data: 'x' },
    ] }));
    assert.deepEqual(await news.log.next('one'), { text });
    assert.deepEqual(await secret.log.next('secret'), { text });
    await news.log.next('end');
    assert.deepEqual(news.log.all('not-me'), []);
  });

  scenario('what it encrypts, the client decrypts', async (t) => {
    const { server } = await serve(t);
    const channel = await subscribed(await server.connected(), 'private-encrypted-x');
    success(await driver.run('trigger', { channel: 'private-encrypted-x', event: 'secret', data: { text } }));
    assert.deepEqual(await channel.log.next('secret'), { text });
  });

  scenario('get: channels, one channel, its users', async (t) => {
    const { server } = await serve(t);
    await subscribed(await server.connected({ user: { id: '7' } }), 'presence-room');
    await subscribed(await server.connected(), 'news');
    const get = async (path, parameters) => {
      const result = await driver.run('get', { path, parameters });
      assert.equal(result.status, 'SUCCESS', result.message);
      return JSON.parse(result.message);
    };
    assert.deepEqual(await get('/channels'), { channels: { news: {}, 'presence-room': {} } });
    const parameters = { filter_by_prefix: 'presence-', info: 'user_count' };
    assert.deepEqual(await get('/channels', parameters), { channels: { 'presence-room': { user_count: 1 } } });
    assert.deepEqual(await get('/channels/presence-room', { info: 'user_count' }), { occupied: true, user_count: 1 });
    assert.deepEqual(await get('/channels/nobody'), { occupied: false });
    assert.deepEqual(await get('/channels/presence-room/users'), { users: [{ id: '7' }] });
    const refused = await driver.run('get', { path: '/channels/news/users' });
    assert.equal(refused.status, 'CLIENT_ERROR');
    assert.match(refused.message, /Users can only be retrieved for presence channels/);
    assert.equal((await driver.run('get', { path: '/nowhere' })).status, 'NOT_FOUND');
  });

  scenario('post: whatever the API has, such as terminating connections and info', async (t) => {
    const { server } = await serve(t);
    const client = await server.connected({ user: { id: 'ann' } });
    client.signin();
    await client.user.signinDonePromise;
    const user = new Log(client.user);
    const news = await subscribed(client, 'news');
    const body = JSON.stringify({ name: 'raw', channels: ['news'], data: '{"a":1}', info: 'subscription_count' });
    const result = await driver.run('post', { path: '/events', body });
    assert.deepEqual(JSON.parse(result.message), { channels: { news: { subscription_count: 1 } } });
    assert.deepEqual(await news.log.next('raw'), { a: 1 });
    success(await driver.run('post', { path: '/events', body: JSON.stringify({ name: 'hi', channels: ['#server-to-user-ann'], data: '1' }) }));
    assert.equal(await user.next('hi'), 1);
    success(await driver.run('post', { path: '/users/ann/terminate_connections', body: '{}' }));
    await until('the user is disconnected', () => client.connection.state === 'disconnected');
  });

  scenario('a request it only signs', async (t) => {
    const { server } = await serve(t);
    await subscribed(await server.connected(), 'news');
    const uri = await driver.run('signedUri', { method: 'GET', path: '/apps/1001/channels', parameters: { filter_by_prefix: 'ne' } });
    assert.deepEqual(await (await fetch(uri)).json(), { channels: { news: {} } });
  });

  scenario('what the server refuses', async (t) => {
    await serve(t);
    const big = await driver.run('trigger', { channel: 'news', event: 'big', data: 'x'.repeat(10_239) }); // two more for the quotes
    assert.equal(big.http, 413);
    assert.match(big.message, /The data content of this event exceeds the allowed maximum \(10240 bytes\)/);
    const events = Array.from({ length: 11 }, () => ({ channel: 'news', name: 'x', data: 'x' }));
    const batch = await driver.run('batch', { events });
    assert.equal(batch.status, 'CLIENT_ERROR');
    assert.match(batch.message, /Batch too large \(11 > 10\)/);
  });

  scenario('authenticate signs private, encrypted and presence subscriptions', async (t) => {
    const { server } = await serve(t);
    const client = server.client({ channelAuthorization: { customHandler: ({ socketId, channelName: channel }, done) => {
      const user = channel === 'presence-numbers' ? { user: 7, info: { name: text } } : channel === 'presence-texts' ? { user: 'ann' } : {};
      driver.run('authenticate', { socketId, channel, ...user }).then((answer) => done(null, answer), done);
    } } });
    await subscribed(client, 'private-x');
    const secret = await subscribed(client, 'private-encrypted-x');
    await server.sdk.trigger('private-encrypted-x', 'secret', 'x');
    assert.equal(await secret.log.next('secret'), 'x');
    const [numbers, texts] = [await subscribed(client, 'presence-numbers'), await subscribed(client, 'presence-texts')];
    assert.deepEqual(numbers.members.members, { 7: { name: text } });
    assert.deepEqual(texts.members.members, { ann: null });
  });

  scenario('webhooks of the server are valid, others are not', async (t) => {
    const endpoint = await new Endpoint().open(t);
    const { server } = await serve(t, { app: { ...app, webhooks: [{ url: endpoint.url }] } });
    const client = await server.connected({ user: { id: text } });
    await subscribed(client, 'presence-room');
    await endpoint.event({ name: 'member_added', user_id: text });
    for (const { headers, body } of endpoint.requests) {
      const hook = { key: headers['x-pusher-key'], signature: headers['x-pusher-signature'], body };
      assert.equal(await driver.run('webhook', hook), 'VALID');
      assert.equal(await driver.run('webhook', { ...hook, body: `${body} ` }), 'INVALID');
      assert.equal(await driver.run('webhook', { ...hook, key: 'another' }), 'SIGNED_WITH_WRONG_KEY');
    }
  });

  scenario('made from a URL, with the right secret and a wrong one', async (t) => {
    const { server } = await serve(t);
    for (const [secret, status] of [['app-secret', 'SUCCESS'], ['wrong', 'AUTHENTICATION_ERROR']]) {
      await driver.run('make', { type, url: `http://app-key:${secret}@127.0.0.1:${server.port}/apps/${app.id}` });
      assert.equal((await driver.run('trigger', { channel: 'news', event: 'x', data: 1 })).status, status);
    }
  });
}
