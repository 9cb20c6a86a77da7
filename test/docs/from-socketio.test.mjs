// Compiles every code block of docs/from-socketio*.md and runs it against the
// built server. A code block that this test does not know fails it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { hostileProxy } from '../fallback/http.mjs';
import { freePort, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';
import { app, block, blocks, modules, page, settings } from './app.mjs';
import { codeBlocks } from './blocks.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const server = ['lib/pusher.ts', 'pages/api/auth.ts', 'pages/api/messages.ts', 'pages/api/rooms/[room].ts', 'pages/api/user-auth.ts', 'lib/notify.ts'];
const browser = ['lib/client.ts', 'lib/channel.ts', 'lib/room.ts', 'lib/send.ts', 'lib/typing.ts', 'lib/connection.ts'];

test('every code block is a file that is tested here', () => {
  const known = ['sh .env.local', 'yaml config.yaml', ...[...server, ...browser].map((name) => `ts ${name}`)];
  assert.deepEqual(blocks.map(({ info }) => info).sort(), known.sort());
  assert.deepEqual(codeBlocks('a\n   ```js\nb\n   ```\n~~~\nc\n~~~\n').map(({ info }) => info), ['js', '']);
  assert.throws(() => codeBlocks('```js\nb\n'), /not closed/);
});

test('the table has every event, helper and option of the Socket.IO app that is ported', () => {
  const table = page.match(/## What replaces what\n([^]*?)\n## /)[1].split('\n').map((row) => row.split(' | ')[0]).join('\n');
  const ported = `socket.io socket.io-client pages/api/socket.ts res.socket.server.io bodyParser path NODE_ENV connection connect disconnect
    socket.id identify-user socket.data socket.data.rooms join-room joined-room leave-room socket.join socket.leave user-joined user-left
    get-room-info room-info adapter.rooms io.sockets.sockets send-message new-message io.to(room).emit socket.to(room).emit socket.emit
    typing-start typing-stop user-typing user-stopped-typing user-status-change user-status-updated userId userName senderId senderName
    timestamp useSocket roomId onNewMessage onUserTyping onUserStoppedTyping onUserStatusUpdated isConnected sendMessage startTyping
    stopTyping updateUserStatus socket handleTyping typingUsers ChatRoom autoConnect reconnection reconnectionAttempts reconnectionDelay
    reconnect reconnect_attempt reconnect_failed reconnectAttempts reason connect_error cors.origin cors.methods credentials transports
    websocket polling pingInterval pingTimeout Vercel custom Pusher Ably`;
  for (const word of ported.trim().split(/\s+/)) assert.ok(table.includes(word), word);
});

test('what runs in the browser knows no secret', () => {
  for (const name of browser) {
    assert.doesNotMatch(block(name), /from "(pusher|next)"|session|process\.env\.(?!NEXT_PUBLIC_)/, name);
    for (const [, path] of block(name).matchAll(/from "\.\/(\w+)"/g)) assert.ok(browser.includes(`lib/${path}.ts`), `${name} imports ${path}`);
  }
});

test('.env.local holds the settings that the code reads, and those of a server nobody has configured', async () => {
  const read = new Set(blocks.filter(({ info }) => info.startsWith('ts ')).flatMap(({ text }) => text.match(/(?<=process\.env\.)\w+/g) ?? []));
  assert.deepEqual(Object.keys(settings).sort(), [...read].sort());
  const defaults = await readFile(here('../../config.yaml'), 'utf8');
  for (const key of ['id', 'key', 'secret']) {
    assert.match(defaults, new RegExp(`\\b${key}: "?${settings[`PUSHER_APP_${key.toUpperCase()}`]}\\b`));
    assert.match(block('config.yaml'), new RegExp(`\\b${key}: ${settings[`PUSHER_APP_${key.toUpperCase()}`]}\\b`));
  }
  assert.equal(settings.NEXT_PUBLIC_PUSHER_KEY, settings.PUSHER_APP_KEY);
});

test('the code compiles with strict TypeScript against next, pusher and pusher-js', () => modules());

// Everything a room told, by the name of the callback.
function ears() {
  const heard = [];
  const on = new Proxy({}, { get: (_, name) => (...args) => void heard.push([name, ...args]) });
  const all = (name) => heard.filter(([n]) => n === name).map(([, ...args]) => args);
  const has = (name, matches) => until(`${name}; heard ${JSON.stringify(heard)}`, () => all(name).find((args) => matches(...args)));
  return { on, all, has };
}

test('rooms: coming, going, room info, refusals', async (t) => {
  const { api, load, as, thrown } = await app(t);
  const { joinRoom } = load('lib/room.ts');
  const [ann, ben] = [as('ann'), as('ben')];
  const [a, b] = [ears(), ears()];

  const annsRoom = joinRoom(ann.client, 'tea', a.on); // before there is a connection
  await a.has('joined', (people) => people.length === 1 && people[0].name === 'ANN');
  const bensRoom = joinRoom(ben.client, 'tea', b.on);
  await b.has('joined', (people) => people.map(({ id }) => id).sort().join() === 'ann,ben');
  await a.has('userJoined', (who) => who.id === 'ben' && who.name === 'BEN');
  assert.equal(annsRoom.people().length, 2);

  const second = ears(); // another tab of Ben
  const secondTab = as('ben');
  joinRoom(secondTab.client, 'tea', second.on);
  await second.has('joined', (people) => people.length === 2);

  const info = async (room, headers = { 'x-user': 'ann' }) => {
    const response = await fetch(`${api}/api/rooms/${room}`, { headers });
    return { status: response.status, ...(await response.json()) };
  };
  const tea = await info('tea');
  assert.deepEqual({ ...tea, users: tea.users.sort() }, { status: 200, roomId: 'tea', userCount: 2, users: ['ann', 'ben'] });
  assert.deepEqual(await info('nobody'), { status: 200, roomId: 'nobody', userCount: 0, users: [] });
  assert.equal((await info('tea', {})).status, 401);
  assert.equal((await info(encodeURIComponent('tea/../x?y'))).status, 404);

  bensRoom.leave();
  joinRoom(ben.client, 'other', ears().on); // the server sees this after that
  await until('Ben is in the other room', async () => (await info('other')).userCount === 1);
  await load('lib/send.ts').sendMessage(secondTab.client, 'tea', 'still here', secondTab.options);
  await a.has('newMessage', ({ text }) => text === 'still here');
  assert.deepEqual(a.all('userLeft'), []);
  secondTab.client.disconnect();
  await a.has('userLeft', (who) => who.id === 'ben' && who.name === 'BEN');
  assert.equal(a.all('userJoined').length, 1);
  assert.equal(a.all('userLeft').length, 1);

  const stranger = ears();
  joinRoom(as(null).client, 'tea', stranger.on);
  await stranger.has('refused', (status) => status === 401);
  const lost = ears();
  joinRoom(ann.client, 'Tea Room', lost.on);
  await lost.has('refused', (status) => status === 403);
  assert.deepEqual(thrown, []);
});

test('messages: to the others, to all, refused, failed', async (t) => {
  const { server, api, load, as, thrown } = await app(t);
  const { joinRoom } = load('lib/room.ts');
  const { sendMessage } = load('lib/send.ts');
  const [ann, ben] = [as('ann'), as('ben')];
  const [a, b] = [ears(), ears()];
  joinRoom(ann.client, 'tea', a.on);
  joinRoom(ben.client, 'tea', b.on);
  await Promise.all([a, b].map(({ has }) => has('joined', () => true)));

  const before = Date.now();
  const sent = await sendMessage(ann.client, 'tea', 'without me', ann.options);
  assert.deepEqual([sent.text, sent.senderId, sent.senderName], ['without me', 'ann', 'ANN']);
  assert.ok(Date.parse(sent.timestamp) >= before && Date.parse(sent.timestamp) <= Date.now());
  assert.deepEqual(await b.has('newMessage', ({ id }) => id === sent.id), [sent]);
  const again = await sendMessage(ann.client, 'tea', 'to all', { ...ann.options, echo: true, id: 'chosen' });
  assert.equal(again.id, 'chosen');
  for (const { has } of [a, b]) await has('newMessage', ({ id, text }) => id === 'chosen' && text === 'to all');
  assert.deepEqual(a.all('newMessage').map(([{ text }]) => text), ['to all']); // the first has left her out

  const post = async (fields, headers = ann.options.headers) => {
    const body = JSON.stringify({ roomId: 'tea', id: '1', text: 'x', ...fields });
    const response = await fetch(`${api}/api/messages`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body });
    return response.status;
  };
  assert.equal(await post({}, {}), 401);
  const refused = [
    { roomId: 'a b' }, { roomId: 'x/y' }, { roomId: undefined }, { id: undefined }, { id: '' }, { id: {} }, { text: ' ' }, { text: 7 },
    { text: 'x'.repeat(2001) }, { socketId: 'me' }, { socketId: {} },
  ];
  for (const fields of refused) assert.equal(await post(fields), 400, JSON.stringify(fields));
  assert.equal(await post({ text: '😀'.repeat(1000) }), 200);
  await assert.rejects(sendMessage(ann.client, 'tea', ' ', ann.options), /^Error: 1 to 2,000 characters$/);
  assert.deepEqual(thrown, []);

  await server.stop('SIGKILL');
  await assert.rejects(sendMessage(ann.client, 'tea', 'too late', ann.options), /^Error: the API answered 500$/);
  assert.equal(thrown.length, 1);
});

test('typing and status: to the others, from whom the server says, and nothing a browser can break', async (t) => {
  const { server: { sdk }, load, as } = await app(t);
  const { joinRoom } = load('lib/room.ts');
  const [ann, ben] = [as('ann'), as('ben')];
  const [a, b] = [ears(), ears()];
  const room = joinRoom(ann.client, 'tea', a.on);
  await a.has('joined', () => true);
  joinRoom(ben.client, 'tea', b.on);
  await b.has('joined', (people) => people.length === 2);

  room.startTyping();
  const [who] = await b.has('userTyping', () => true);
  assert.deepEqual(who, { id: 'ann', name: 'ANN' });
  room.stopTyping();
  await b.has('userStoppedTyping', ({ id }) => id === 'ann');
  for (const data of [null, 'away', { status: 'drunk' }, { status: 'away', user_id: 'ben' }]) room.channel.trigger('client-status', data);
  await b.has('userStatusUpdated', ({ id }, status) => id === 'ann' && status === 'away');
  room.updateUserStatus('online');
  await b.has('userStatusUpdated', (_, status) => status === 'online');
  assert.equal(b.all('userStatusUpdated').length, 2);

  await sdk.trigger('presence-room-tea', 'new-message', { text: 'end' }); // all that was before has come
  await a.has('newMessage', () => true);
  for (const name of ['userTyping', 'userStoppedTyping', 'userStatusUpdated']) assert.deepEqual(a.all(name), [], name);
});

test('typing: few events, and names that vanish', async () => {
  const { typingSender, typingNames } = (await modules())('lib/typing.ts');
  const events = [];
  const sender = typingSender({ startTyping: () => events.push('start'), stopTyping: () => events.push('stop') }, { pause: 50, repeat: 1000 });
  for (let i = 0; i < 20; i++) sender.key();
  assert.deepEqual(events, ['start']);
  await until('the pause ends it', () => events.length > 1);
  sender.stop();
  assert.deepEqual(events, ['start', 'stop']);

  const lists = [];
  const names = typingNames((list) => lists.push(list.join()), { shown: 50 });
  const [ann, otherAnn] = [{ id: '1', name: 'Ann' }, { id: '2', name: 'Ann' }];
  names.typing(ann);
  names.typing(ann);
  names.typing(otherAnn);
  names.stopped(otherAnn);
  await until('Ann vanishes', () => lists.length === 4);
  assert.deepEqual(lists, ['Ann', 'Ann,Ann', 'Ann', '']);
  names.typing(ann);
  names.clear();
  assert.equal(lists.at(-1), '');
});

test('one person: every tab hears it, and is closed for good', async (t) => {
  const { load, as } = await app(t);
  const { notify, signOut } = load('lib/notify.ts');
  const tabs = [as('ben'), as('ben'), as('ann')].map(({ client }) => client);
  const notified = tabs.map(() => []);
  for (const [i, tab] of tabs.entries()) {
    tab.signin();
    tab.user.bind('invited', (data) => notified[i].push(data));
  }
  await Promise.all(tabs.map((tab) => tab.user.signinDonePromise));
  await notify('ben', 'invited', { to: 'tea' });
  await until('Ben is told in both tabs', () => notified[0].length && notified[1].length);
  await notify('ann', 'invited', { to: 'cake' });
  await until('Ann is told', () => notified[2].length);
  assert.deepEqual(notified, [[{ to: 'tea' }], [{ to: 'tea' }], [{ to: 'cake' }]]);

  await signOut('ben');
  await until('Ben is out', () => tabs[0].connection.state === 'disconnected' && tabs[1].connection.state === 'disconnected');
  assert.equal(tabs[2].connection.state, 'connected');
  tabs[0].connect();
  await until('he may come again', () => tabs[0].connection.state === 'connected');

  const stranger = as(null).client;
  stranger.signin();
  await until('it is connected', () => stranger.connection.state === 'connected');
  await stranger.user.signinDonePromise;
  assert.equal(stranger.user.user_data, null);
});

test('reconnection: attempts are counted while the server is gone, and rooms are joined again', async (t) => {
  const { server: fanfare, load, as } = await app(t);
  const { watchConnection } = load('lib/connection.ts');
  const { joinRoom } = load('lib/room.ts');
  const { client } = as('ann');
  const seen = [];
  const end = watchConnection(client, (now) => seen.push(now), { delay: 200 });
  assert.deepEqual(seen, [{ state: 'connecting', reconnectAttempts: 0 }]);
  const { on, all, has } = ears();
  joinRoom(client, 'tea', on);
  await has('joined', () => true);
  assert.equal(seen.at(-1).state, 'connected');

  seen.length = 0;
  await fanfare.stop('SIGKILL');
  await until('the third attempt is counted', () => seen.some(({ reconnectAttempts }) => reconnectAttempts === 3));
  const lost = seen.filter(({ state }) => state === 'reconnecting').map(({ reconnectAttempts }) => reconnectAttempts);
  assert.deepEqual([...new Set(lost)].slice(0, 3), [1, 2, 3]);
  assert.deepEqual(lost, lost.toSorted((x, y) => x - y));
  assert.ok(!seen.some(({ state }) => state === 'disconnected'), 'what happens between two attempts is not told');
  await fanfare.start();
  await until('it is connected again', () => seen.at(-1).state === 'connected');
  assert.equal(seen.at(-1).reconnectAttempts, 0);
  assert.equal(seen.at(-1).error, undefined);
  await until('the room is joined again', () => all('joined').length === 2);

  end();
  const told = seen.length;
  client.disconnect();
  assert.equal(seen.length, told);
});

test('reconnection: it gives up when told to, and begins anew', async (t) => {
  const { server: fanfare, load, as } = await app(t);
  const { client } = as('ann');
  const seen = [];
  t.after(load('lib/connection.ts').watchConnection(client, (now) => seen.push(now), { delay: 200, attempts: 3 }));
  await until('it is connected', () => seen.at(-1).state === 'connected');
  await fanfare.stop('SIGKILL');
  await until('it has given up', () => seen.at(-1).state === 'failed');
  assert.equal(seen.at(-1).reconnectAttempts, 3);
  assert.equal(client.connection.state, 'disconnected');
  const told = seen.length;
  await new Promise((resume) => setTimeout(resume, 1500)); // longer than the second pusher-js waits
  assert.equal(seen.length, told);
  await fanfare.start();
  client.connect();
  await until('it is connected again', () => seen.at(-1).state === 'connected');
  assert.equal(seen.at(-1).reconnectAttempts, 0);
});

test('reconnection: a server that is full is tried again and counted, one that refuses is not', async (t) => {
  oneNode(t, 'sockets.max_connections bounds what a process holds');
  const { server: fanfare, load, as } = await app(t, { sockets: { max_connections: 1 } });
  const { watchConnection } = load('lib/connection.ts');
  await fanfare.connected();
  const full = [];
  const { client } = as('ann');
  const end = watchConnection(client, (now) => full.push(now), { attempts: 2 });
  await until('it has given up', () => full.at(-1).state === 'failed');
  assert.equal(full.at(-1).reconnectAttempts, 2);
  assert.equal(full.at(-1).error, 4100);
  await new Promise((resume) => setTimeout(resume, 1500));
  assert.equal(client.connection.state, 'disconnected');
  end();

  process.env.NEXT_PUBLIC_PUSHER_KEY = 'wrong';
  const refused = [];
  t.after(watchConnection(as('ben').client, (now) => refused.push(now), { delay: 200 }));
  await until('it is refused', () => refused.at(-1).state === 'disconnected');
  assert.equal(refused.at(-1).error, 4001);
  const told = refused.length;
  await new Promise((resume) => setTimeout(resume, 500));
  assert.equal(refused.length, told);
});

test('where WebSockets are blocked, the same code chats over HTTP', async (t) => {
  const { server: fanfare, load, as } = await app(t);
  const { joinRoom } = load('lib/room.ts');
  const proxy = await hostileProxy(t, fanfare, (socket) => socket.resetAndDestroy());
  const [ann, ben] = [as('ann', proxy.port), as('ben')];
  const [a, b] = [ears(), ears()];
  const states = [];
  t.after(load('lib/connection.ts').watchConnection(ann.client, ({ state }) => states.push(state)));
  joinRoom(ben.client, 'tea', b.on);
  const room = joinRoom(ann.client, 'tea', a.on);
  await a.has('joined', (people) => people.length === 2);
  assert.ok(proxy.attempts > 0, 'nobody tried a WebSocket');
  assert.match(ann.client.connection.connection.transport.name, /^xhr_/);
  assert.deepEqual(states, ['connecting', 'connected']); // no new attempt came between
  room.startTyping();
  await b.has('userTyping', ({ id }) => id === 'ann');
  await load('lib/send.ts').sendMessage(ben.client, 'tea', 'hello', ben.options);
  await a.has('newMessage', ({ text }) => text === 'hello');
});

test('config.yaml: it is accepted, its origins and times count', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'from-socketio-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(file, block('config.yaml'));
  const port = await freePort();
  const run = (...args) => {
    const child = spawn(here('../.bin/fanfare'), [...args, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (child.log += data));
    return child;
  };
  const check = run('config', 'check');
  assert.deepEqual(await once(check, 'close'), [0, null], check.log);
  const child = run('serve', '--listen', `127.0.0.1:${port}`, '--metrics-listen', '');
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await until('the server is ready', () => {
    assert.equal(child.exitCode, null, child.log);
    return fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false);
  });
  const knock = (origin) => new Wire({ port }, { headers: origin ? { origin } : {} });
  for (const origin of ['https://yourdomain.com', 'https://www.yourdomain.com', 'http://localhost:3000']) await knock(origin).open();
  for (const origin of ['https://evil.example', 'http://yourdomain.com', 'https://sub.yourdomain.com', 'http://localhost:3001']) {
    const wire = knock(origin);
    const told = JSON.parse(await wire.next());
    assert.deepEqual([told.event, told.data.code], ['pusher:error', 4009], origin);
    assert.equal((await wire.close()).code, 4009, origin);
  }
  const greeting = JSON.parse(JSON.parse(await knock('https://yourdomain.com').next()).data);
  assert.equal(greeting.activity_timeout, 25); // the pingInterval of the Socket.IO app, 25000
});

test('below a path: path_prefix, wsPath and httpPath', async (t) => {
  const { server: fanfare } = await app(t, { path_prefix: '/rt' });
  const http = { httpHost: '127.0.0.1', httpPort: fanfare.port, httpPath: '/rt/pusher', enabledTransports: ['xhr_streaming'] };
  for (const options of [{ wsPath: '/rt' }, http]) await subscribed(await fanfare.connected(options), 'news');
});
