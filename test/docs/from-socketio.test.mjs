// Runs every file of docs/from-socketio.md, as a Next.js app would, against the
// built server. A code block that is not a file this test knows fails it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const page = await readFile(join(here, '../../docs/from-socketio.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\S*) ?(.*)\n([^]*?)^```$/gm)].map(([, language, name, text]) => ({ language, name, text }));

const files = [
  'lib/pusher.js', 'lib/client.js', 'pages/api/auth.js', 'lib/room.js', 'pages/api/messages.js', 'lib/send.js', 'lib/typing.js',
  'pages/api/rooms/[room].js', 'pages/api/user-auth.js', 'lib/notify.js', 'lib/connection.js',
];

test('every code block is a file or a setting that is tested here', () => {
  assert.deepEqual(blocks.map((b) => (b.language === 'js' ? b.name : b.language)), [...files, 'yaml']);
});

// The app of the page in a folder, and its API routes over HTTP. Who asks is in
// a header: the log-in is the reader's own.
async function app(t) {
  const folder = await mkdtemp(join(here, '.app-')); // where node_modules is found
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const { language, name, text } of blocks.filter((b) => b.language === 'js')) {
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, name), text, { flag: 'wx' });
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'lib/session.js'),
    'export const userOf = (req) => req.headers["x-user"] && { id: req.headers["x-user"], name: req.headers["x-user"].toUpperCase() };');
  const load = (name) => import(pathToFileURL(join(folder, name)));

  const server = await fanfare(t);
  Object.assign(process.env, {
    FANFARE_APP_ID: 'app-id', FANFARE_APP_KEY: 'app-key', FANFARE_APP_SECRET: 'app-secret', FANFARE_HOST: '127.0.0.1',
    FANFARE_PORT: String(server.port), FANFARE_TLS: 'false',
  });
  const routes = createServer(async (req, res) => {
    const { pathname } = new URL(req.url, 'http://localhost');
    let text = '';
    for await (const piece of req) text += piece;
    req.body = /json/.test(req.headers['content-type']) ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
    const room = pathname.match(/^\/api\/rooms\/(.+)$/)?.[1];
    req.query = { room };
    res.status = (code) => Object.assign(res, { statusCode: code });
    res.json = (body) => res.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
    const { default: handler } = await load(room ? 'pages/api/rooms/[room].js' : `pages${pathname}.js`);
    await handler(req, res);
  }).listen(0, '127.0.0.1');
  await once(routes, 'listening');
  t.after(() => routes.close());
  const api = `http://127.0.0.1:${routes.address().port}`;
  const { connect } = await load('lib/client.js');
  const as = (user, more = {}) => {
    const headers = user ? { 'x-user': user } : {};
    const client = connect({ key: 'app-key', host: '127.0.0.1', port: server.port, tls: false, api, headers });
    server.clients.push(client);
    return { client, options: { api, headers, ...more } };
  };
  return { server, api, load, as };
}

// Everything a room told, by the name of the callback.
function ears() {
  const heard = [];
  const on = new Proxy({}, { get: (_, name) => (...args) => heard.push([name, ...args]) });
  const has = (name, ...args) => until(`${name} ${args}; heard ${JSON.stringify(heard)}`,
    () => heard.some(([n, ...a]) => n === name && args.every((arg, i) => arg === a[i] || a[i]?.text === arg)));
  return { heard, on, has };
}

test('rooms, messages, typing, status, room info, one person', async (t) => {
  const { api, load, as } = await app(t);
  const { joinRoom } = await load('lib/room.js');
  const { sendMessage } = await load('lib/send.js');
  const [ann, ben] = [as('ann'), as('ben')];
  const [a, b] = [ears(), ears()];

  const annsRoom = joinRoom(ann.client, 'tea', a.on); // before there is a connection
  await a.has('joined', 1);
  const bensRoom = joinRoom(ben.client, 'tea', b.on);
  await b.has('joined', 2);
  await a.has('userJoined', 'ben', 'BEN');

  const sent = await sendMessage(ann.client, 'tea', 'without me', ann.options);
  assert.equal(sent.senderName, 'ANN');
  await b.has('newMessage', 'without me');
  await sendMessage(ann.client, 'tea', 'to all', { ...ann.options, echo: true });
  await a.has('newMessage', 'to all');
  assert.ok(!a.heard.some(([, m]) => m?.text === 'without me'), 'the sender is left out');
  await assert.rejects(sendMessage(ann.client, 'tea', ' ', ann.options), /1 to 2,000/);
  await assert.rejects(sendMessage(ann.client, 'tea', 'x', { api }), /log in/);

  annsRoom.startTyping();
  await b.has('userTyping', 'ANN');
  annsRoom.stopTyping();
  await b.has('userStoppedTyping', 'ANN');
  annsRoom.updateUserStatus('away');
  await b.has('userStatusUpdated', 'ANN', 'away');

  const info = await (await fetch(`${api}/api/rooms/tea`)).json();
  assert.deepEqual({ ...info, users: info.users.sort() }, { roomId: 'tea', userCount: 2, users: ['ann', 'ben'] });

  const { notify, signOut } = await load('lib/notify.js');
  const notified = [];
  ben.client.signin();
  ben.client.user.bind('invited', (data) => notified.push(data));
  await ben.client.user.signinDonePromise;
  await notify('ben', 'invited', { to: 'tea' });
  await until('ben is told', () => notified.length === 1);

  bensRoom.leave();
  await a.has('userLeft', 'ben', 'BEN');
  await signOut('ben');
  await until('ben is signed out', () => ben.client.connection.state !== 'connected');

  const stranger = ears();
  joinRoom(as(null).client, 'tea', stranger.on);
  await stranger.has('refused', 401);
  const lost = ears();
  joinRoom(ann.client, 'Tea Room', lost.on);
  await lost.has('refused', 403);
});

test('typing: few events, and names that vanish', async (t) => {
  const { load } = await app(t);
  const { typingSender, typingNames } = await load('lib/typing.js');
  const events = [];
  const sender = typingSender({ startTyping: () => events.push('start'), stopTyping: () => events.push('stop') }, { pause: 50, repeat: 1000 });
  for (let i = 0; i < 20; i++) sender.key();
  assert.deepEqual(events, ['start']);
  await until('the pause ends it', () => events.length > 1);
  sender.stop();
  assert.deepEqual(events, ['start', 'stop']);

  const lists = [];
  const names = typingNames((list) => lists.push(list.join()), { shown: 50 });
  names.typing('Ann');
  names.typing('Ann');
  names.typing('Ben');
  names.stopped('Ben');
  await until('Ann vanishes', () => lists.length === 4);
  assert.deepEqual(lists, ['Ann', 'Ann,Ben', 'Ann', '']);
  names.typing('Cy');
  names.clear();
  assert.equal(lists.at(-1), '');
});

test('reconnection is counted, and rooms are joined again', async (t) => {
  const { server, load, as } = await app(t);
  const { watchConnection } = await load('lib/connection.js');
  const { joinRoom } = await load('lib/room.js');
  const { client } = as('ann');
  const seen = [];
  const end = watchConnection(client, (state) => seen.push(state));
  const { heard, on, has } = ears();
  joinRoom(client, 'tea', on);
  await has('joined', 1);
  assert.equal(seen.at(-1).isConnected, true);
  await server.stop('SIGKILL');
  await until('an attempt is counted', () => seen.at(-1).reconnectAttempts >= 1 && !seen.at(-1).isConnected);
  await server.start();
  await until('it is connected again', () => seen.at(-1).isConnected && seen.at(-1).reconnectAttempts === 0);
  await until('the room is joined again', () => heard.filter(([name]) => name === 'joined').length === 2);
  end();
});

test('the settings are accepted, and another origin is refused with 4009', async (t) => {
  const yaml = blocks.find((b) => b.language === 'yaml').text;
  const folder = await mkdtemp(join(here, '.app-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(file, yaml);
  await promisify(execFile)(join(here, '../.bin/fanfare'), ['config', 'check', '--config', file]);

  const origins = JSON.parse(yaml.match(/allowed_origins: (\[.*\])/)[1]);
  const server = await fanfare(t, { app: { allowed_origins: origins } });
  const { default: WebSocket } = await import('ws');
  const told = (origin) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/app-key?protocol=7`, { origin });
    socket.on('message', (text) => { resolve(JSON.parse(text)); socket.close(); });
    socket.on('error', reject);
  });
  assert.equal((await told('https://yourdomain.com')).event, 'pusher:connection_established');
  const refusal = await told('https://evil.example');
  assert.equal(refusal.event, 'pusher:error');
  assert.equal(refusal.data.code, 4009);
});
