// Presence: members are users, over any number of sockets.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Wire } from '../support/wire.mjs';
import { Log, settled, subscribed } from '../support/wait.mjs';

const ann = { id: 'ann', info: { name: 'Ann' } };
const bob = { id: 'bob', info: { name: 'Bob' } };

test('members see each other come and go', async (t) => {
  const server = await fanfare(t);
  const room = await subscribed(server.client({ user: ann }), 'presence-room');
  assert.equal(room.members.count, 1);
  assert.equal(room.members.me.id, 'ann');
  const client = server.client({ user: bob });
  const other = await subscribed(client, 'presence-room');
  assert.deepEqual({ ...other.members.members }, { ann: ann.info, bob: bob.info });
  assert.deepEqual(await room.log.next('pusher:member_added'), { id: 'bob', info: bob.info });
  client.disconnect();
  assert.deepEqual(await room.log.next('pusher:member_removed'), { id: 'bob', info: bob.info });
  assert.equal(room.members.count, 1);
});

test('two tabs of a user are one member; only the last one leaving counts', async (t) => {
  const server = await fanfare(t);
  const room = await subscribed(server.client({ user: ann }), 'presence-room');
  const tabs = [server.client({ user: bob }), server.client({ user: bob })];
  for (const tab of tabs) assert.equal((await subscribed(tab, 'presence-room')).members.count, 2);
  tabs[0].disconnect();
  await settled(server.sdk, room);
  tabs[1].disconnect();
  await room.log.next('pusher:member_removed');
  assert.equal(room.log.all('pusher:member_added').length, 1);
  assert.equal(room.log.all('pusher:member_removed').length, 1);
});

test('a client that dies without a word is removed', async (t) => {
  const server = await fanfare(t);
  const room = await subscribed(server.client({ user: ann }), 'presence-room');
  const wire = await new Wire(server).open();
  const { auth, channel_data } = server.sdk.authorizeChannel(wire.id, 'presence-room', { user_id: 'bob' });
  wire.send({ event: 'pusher:subscribe', data: { channel: 'presence-room', auth, channel_data } });
  await room.log.next('pusher:member_added');
  wire.socket.terminate();
  assert.equal((await room.log.next('pusher:member_removed')).id, 'bob');
});

test('a full channel refuses a new user, not a further tab of a member', async (t) => {
  const server = await fanfare(t, { app: { limits: { max_presence_members: 1 } } });
  await subscribed(server.client({ user: ann }), 'presence-room');
  await subscribed(server.client({ user: ann }), 'presence-room');
  const refused = server.client({ user: bob }).subscribe('presence-room');
  const error = await new Log(refused).next('pusher:subscription_error');
  assert.equal(error.type, 'LimitReached');
});

test('a signed-in user needs no channel_data', async (t) => {
  const server = await fanfare(t);
  const client = await server.connected({
    user: ann,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, server.sdk.authorizeChannel(socketId, channelName)) },
  });
  client.signin();
  const room = await subscribed(client, 'presence-room');
  assert.deepEqual(room.members.me, { id: 'ann', info: ann.info });
});

test('the API lists users and counts', async (t) => {
  const server = await fanfare(t);
  await subscribed(server.client({ user: ann }), 'presence-room');
  await subscribed(server.client({ user: ann }), 'presence-room');
  await subscribed(server.client({ user: bob }), 'presence-room');
  const get = async (path, params) => (await server.sdk.get({ path, params })).json();
  assert.deepEqual(await get('/channels/presence-room/users'), { users: [{ id: 'ann' }, { id: 'bob' }] });
  assert.deepEqual(await get('/channels/presence-room', { info: 'user_count,subscription_count' }), { occupied: true, user_count: 2, subscription_count: 3 });
  assert.deepEqual(await get('/channels', { filter_by_prefix: 'presence-', info: 'user_count' }), { channels: { 'presence-room': { user_count: 2 } } });
});
