// The pusher Python SDK against the server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanfare } from '../support/fanfare.mjs';
import { Log, subscribed } from '../support/wait.mjs';

// This SDK takes app ids of digits only.
const app = { app: { id: '1001' } };

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

async function python(server, command, ...args) {
  const { stdout } = await promisify(execFile)(here('../.venv/bin/python'), [here('../support/sdk.py'), String(server.port), command, ...args]);
  return JSON.parse(stdout);
}

test('python: trigger, trigger_batch and info', async (t) => {
  const server = await fanfare(t, app);
  const channel = await subscribed(server.client(), 'news');
  await python(server, 'trigger');
  assert.deepEqual(await channel.log.next('from-python'), { text: 'é漢🎉' });
  await python(server, 'batch');
  assert.deepEqual(await channel.log.next('one'), 1);
  assert.deepEqual(await channel.log.next('two'), { a: 2 });
});

test('python: channels_info, channel_info and users_info', async (t) => {
  const server = await fanfare(t, app);
  await subscribed(server.client({ user: { id: '7' } }), 'presence-room');
  assert.deepEqual(await python(server, 'info'), {
    channels: { channels: { 'presence-room': { user_count: 1 } } },
    channel: { occupied: true, user_count: 1 },
    users: { users: [{ id: '7' }] },
  });
});

test('python: authenticate signs private and presence subscriptions', async (t) => {
  const server = await fanfare(t, app);
  const client = server.client({
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => python(server, 'auth', socketId, channelName).then((a) => done(null, a), done) },
  });
  await subscribed(client, 'private-x');
  const room = await subscribed(client, 'presence-x');
  assert.deepEqual(room.members.me, { id: 'snake', info: { name: 'Monty' } });
});

test('python: authenticate_user, send_to_user and terminate_user_connections', async (t) => {
  const server = await fanfare(t, app);
  const client = await server.connected({
    userAuthentication: { customHandler: ({ socketId }, done) => python(server, 'user', socketId).then((a) => done(null, a), done) },
  });
  const log = new Log(client.user);
  client.signin();
  await client.user.signinDonePromise;
  await python(server, 'send');
  assert.deepEqual(await log.next('hello'), { from: 'python' });
  const closed = new Promise((done) => client.connection.bind('disconnected', done));
  await python(server, 'terminate');
  await closed;
});
