// pusher-http-go against the server.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Driver } from '../support/driver.mjs';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, masterKey } from '../support/fanfare.mjs';
import { Relay } from '../support/relay.mjs';
import { Log, subscribed, until } from '../support/wait.mjs';

const app = { id: '1001' }; // ClientFromURL takes ids of digits only
const credentials = { appId: app.id, key: 'app-key', secret: 'app-secret', masterKey };
const text = 'é漢🎉 "<&>\u2028';

const program = fileURLToPath(new URL('.build/go-sdk', import.meta.url));
const driver = new Driver(program);
after(() => driver.end());

/** A server with a relay before it, and an SDK for that. */
async function serve(t, config, options) {
  const server = await fanfare(t, { app, ...config });
  const relay = await Relay.open(t, server.port);
  await driver.run('make', { ...credentials, host: `127.0.0.1:${relay.port}`, ...options });
  return { server, relay };
}

test('go: Trigger and TriggerMulti, over one connection', async (t) => {
  const { server, relay } = await serve(t);
  const client = await server.connected();
  const [news, sport] = [await subscribed(client, 'news'), await subscribed(client, 'sport')];
  await driver.run('Trigger', { channel: 'news', event: 'one', data: { text } });
  assert.deepEqual(await news.log.next('one'), { text });
  await driver.run('TriggerMulti', { channels: ['news', 'sport'], event: 'many', data: [1, null, 'x'] });
  for (const channel of [news, sport]) assert.deepEqual(await channel.log.next('many'), [1, null, 'x']);
  const hundred = Array.from({ length: 100 }, (_, i) => `channel-${i}`);
  await driver.run('TriggerMulti', { channels: hundred, event: 'many', data: 'x' });
  assert.equal(relay.connections, 1);
});

test('go: TriggerExclusive, TriggerMultiExclusive and socket ids of the others', async (t) => {
  const { server } = await serve(t);
  const [here, there] = [await server.connected(), await server.connected()];
  const [mine, theirs] = [await subscribed(here, 'news'), await subscribed(there, 'news')];
  const socketId = here.connection.socket_id;
  const [one, many] = [{ channel: 'news', data: 1, socketId }, { channels: ['news', 'sport'], data: 1, socketId }];
  await driver.run('TriggerExclusive', { event: 'a', ...one });
  await driver.run('TriggerWithParams', { event: 'b', ...one });
  await driver.run('TriggerMultiExclusive', { event: 'c', ...many });
  await driver.run('TriggerMultiWithParams', { event: 'd', ...many });
  await driver.run('TriggerBatch', { batch: [{ name: 'e', ...one }] });
  await driver.run('Trigger', { channel: 'news', event: 'end', data: 1 });
  for (const event of ['a', 'b', 'c', 'd', 'e', 'end']) await theirs.log.next(event);
  await mine.log.next('end');
  assert.deepEqual(mine.log.entries.map((e) => e.event).filter((e) => !e.startsWith('pusher:')), ['end']);
});

test('go: info of TriggerWithParams, TriggerMultiWithParams and TriggerBatch', async (t) => {
  const { server } = await serve(t);
  for (const id of ['7', '8']) {
    const client = await server.connected({ user: { id } });
    await subscribed(client, 'presence-room');
    await subscribed(client, 'news');
  }
  const info = 'subscription_count';
  const both = { user_count: 2, subscription_count: 2 };
  assert.deepEqual(await driver.run('TriggerWithParams', { channel: 'presence-room', event: 'x', data: 1, info: `user_count,${info}` }),
    { channels: { 'presence-room': both } });
  assert.deepEqual(await driver.run('TriggerMultiWithParams', { channels: ['news', 'nobody'], event: 'x', data: 1, info }),
    { channels: { news: { subscription_count: 2 }, nobody: { subscription_count: 0 } } });
  assert.deepEqual(await driver.run('TriggerBatch', { batch: [
    { channel: 'presence-room', name: 'x', data: 1, info: `user_count,${info}` },
    { channel: 'nobody', name: 'x', data: 1 },
    { channel: 'news', name: 'x', data: 1, info },
  ] }), { batch: [both, {}, { subscription_count: 2 }] });
});

test('go: TriggerBatch arrives in order', async (t) => {
  const { server } = await serve(t);
  const client = await server.connected();
  const [news, secret] = [await subscribed(client, 'news'), await subscribed(client, 'private-encrypted-x')];
  const events = Array.from({ length: 9 }, (_, i) => ({ channel: 'news', name: `event-${i}`, data: { i, text } }));
  await driver.run('TriggerBatch', { batch: [...events, { channel: 'private-encrypted-x', name: 'secret', data: { text } }] });
  for (const { name, data } of events) assert.deepEqual(await news.log.next(name), data);
  assert.deepEqual(await secret.log.next('secret'), { text });
});

test('go: what it encrypts, the client decrypts', async (t) => {
  const { server } = await serve(t);
  const client = await server.connected();
  for (const name of ['private-encrypted-x', 'private-encrypted-cache-x']) {
    const channel = await subscribed(client, name);
    await driver.run('Trigger', { channel: name, event: 'secret', data: { text } });
    assert.deepEqual(await channel.log.next('secret'), { text });
  }
});

test('go: Channels, Channel and GetChannelUsers', async (t) => {
  const { server } = await serve(t);
  for (const id of ['7', text]) await subscribed(await server.connected({ user: { id } }), 'presence-room');
  await subscribed(await server.connected(), 'news');
  assert.deepEqual(await driver.run('Channels'), { channels: { news: { user_count: 0 }, 'presence-room': { user_count: 0 } } });
  assert.deepEqual(await driver.run('Channels', { prefix: 'presence-', info: 'user_count' }), { channels: { 'presence-room': { user_count: 2 } } });
  assert.deepEqual(await driver.run('Channel', { channel: 'presence-room', info: 'user_count,subscription_count' }),
    { Name: 'presence-room', occupied: true, user_count: 2, subscription_count: 2 });
  assert.deepEqual(await driver.run('Channel', { channel: 'nobody' }), { Name: 'nobody' });
  const { users } = await driver.run('GetChannelUsers', { channel: 'presence-room' });
  assert.deepEqual(users.map((u) => u.id).sort(), ['7', text]);
});

test('go: what the server refuses is an error with its status and sentence', async (t) => {
  await serve(t, {}, { maxDataKB: 20 }); // else the SDK itself refuses
  const refused = (command, params, why) => assert.rejects(driver.run(command, params), why);
  await refused('Trigger', { channel: 'news', event: 'big', data: 'x'.repeat(10_239) }, // and two quotes
    /^Error: Status Code: 413 - .*The data content of this event exceeds the allowed maximum \(10240 bytes\)/);
  await refused('TriggerBatch', { batch: Array.from({ length: 11 }, () => ({ channel: 'news', name: 'x', data: 1 })) },
    /^Error: Status Code: 400 - .*Batch too large \(11 > 10\)/);
  await refused('GetChannelUsers', { channel: 'news' }, /^Error: Status Code: 400 - .*Users can only be retrieved for presence channels/);
  await refused('Channel', { channel: 'news', info: 'user_count' },
    /^Error: Status Code: 400 - .*Cannot retrieve the user count unless the channel is a presence channel/);
  await refused('Channels', { info: 'user_count' }, /^Error: Status Code: 400 - .*user_count may only be requested for presence channels/);
});

for (const verb of ['Authorize', 'Authenticate']) {
  test(`go: ${verb}PrivateChannel and ${verb}PresenceChannel`, async (t) => {
    const { server } = await serve(t);
    const client = server.client({ channelAuthorization: { customHandler: ({ socketId, channelName }, done) => {
      const form = new URLSearchParams({ socket_id: socketId, channel_name: channelName }).toString();
      const answer = channelName.startsWith('presence-')
        ? driver.run(`${verb}PresenceChannel`, { form, member: { user_id: 'gopher', user_info: { name: text } } })
        : driver.run(`${verb}PrivateChannel`, { form });
      answer.then((a) => done(null, a), done);
    } } });
    await subscribed(client, 'private-x');
    const secret = await subscribed(client, 'private-encrypted-x');
    await server.sdk.trigger('private-encrypted-x', 'secret', 'x');
    assert.equal(await secret.log.next('secret'), 'x');
    const room = await subscribed(client, 'presence-x');
    assert.deepEqual(room.members.me, { id: 'gopher', info: { name: text } });
  });
}

test('go: AuthenticateUser and SendToUser', async (t) => {
  const { server } = await serve(t);
  const userData = { id: 'gopher', user_info: { name: text }, watchlist: ['ann'] };
  const client = await server.connected({ userAuthentication: { customHandler: ({ socketId }, done) =>
    driver.run('AuthenticateUser', { form: `socket_id=${socketId}`, userData }).then((a) => done(null, a), done) } });
  const log = new Log(client.user);
  client.signin();
  await client.user.signinDonePromise;
  assert.deepEqual(client.user.user_data, userData);
  await driver.run('SendToUser', { user: 'gopher', event: 'hello', data: { text } });
  assert.deepEqual(await log.next('hello'), { text });
});

test('go: Webhook takes those of the server and no others', async (t) => {
  const endpoint = await new Endpoint().open(t);
  const { server } = await serve(t, { app: { ...app, webhooks: [{ url: endpoint.url }] } });
  const [client, other] = [await server.connected({ user: { id: text } }), await server.connected()];
  await subscribed(client, 'presence-room');
  const chat = await subscribed(client, 'private-chat');
  await subscribed(other, 'private-chat');
  chat.trigger('client-typing', { text });
  const typing = { name: 'client_event', channel: 'private-chat', event: 'client-typing', socket_id: client.connection.socket_id };
  await endpoint.event(typing);
  await endpoint.event({ name: 'member_added', user_id: text });
  for (const { headers, body } of endpoint.requests) {
    const header = { 'X-Pusher-Key': [headers['x-pusher-key']], 'X-Pusher-Signature': [headers['x-pusher-signature']] };
    const { TimeMs: _, ...hook } = await driver.run('Webhook', { header, body });
    assert.deepEqual(hook.events.map((e) => e.name), JSON.parse(body).events.map((e) => e.name));
    assert.deepEqual(hook, { time_ms: JSON.parse(body).time_ms, events: JSON.parse(body).events });
    await assert.rejects(driver.run('Webhook', { header, body: `${body} ` }), /Invalid webhook/);
    await assert.rejects(driver.run('Webhook', { header: { ...header, 'X-Pusher-Key': ['another'] }, body }), /Invalid webhook/);
  }
});

test('go: ClientFromURL and ClientFromEnv', async (t) => {
  const { server } = await serve(t);
  const channel = await subscribed(await server.connected(), 'news');
  const url = `http://app-key:app-secret@127.0.0.1:${server.port}/apps/${app.id}`;
  const inEnvironment = new Driver(program, [], { PUSHER_URL: url });
  await driver.run('make', { url });
  await inEnvironment.run('make', { env: 'PUSHER_URL' });
  for (const [sdk, event] of [[driver, 'url'], [inEnvironment, 'env']]) {
    await sdk.run('Trigger', { channel: 'news', event, data: 1 });
    await channel.log.next(event);
  }
  await inEnvironment.end();
  await driver.run('make', { url: url.replace('app-secret', 'wrong') });
  await assert.rejects(driver.run('Trigger', { channel: 'news', event: 'url', data: 1 }), /^Error: Status Code: 401 - /);
});
