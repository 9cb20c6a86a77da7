// Runs the commands of docs/cli.md. What the page shows has to be what they print,
// but for times, ids, ports and serials.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import Pusher from 'pusher-js';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { blocksOf, folder, run, start, transcript } from './shell.mjs';

const why = 'the page is the same for two';
const [elsewhere, subscribe, script, trigger, tail, lists, history, authServer, completion] =
  await blocksOf('docs/cli.md', ['sh', 'sh', 'sh', 'sh', 'sh', 'sh', 'sh', 'js', 'sh']);

const plain = (text) => text
  .replace(/\d{4}-\d\d-\d\d (?=\d\d:)/g, 'DATE ').replace(/\d\d:\d\d:\d\d\.\d{3}/g, 'TIME')
  .replace(/\b\d+\.\d+\b/g, 'SOCKET').replace(/http:\/\/[\w.]+:\d+/g, 'URL').replace(/\/\S+\.sock\b/g, 'CONTROL')
  .replace(/\b[0-9a-z]{5,}-[0-9a-z]+$/gm, 'SERIAL').replace(/^[0-9a-z]{5,}-[0-9a-z]+ /gm, 'SERIAL ');

async function serve(t, app = {}) {
  oneNode(t, why);
  const control = join(await folder(t), 'control.sock');
  const server = await fanfare(t, { control_socket: control, app });
  return { server, shell: { env: { FANFARE_CONFIG: server.file, FANFARE_CONTROL_SOCKET: control } } };
}

test('docs/cli.md: subscribe and tail', async (t) => {
  const { server, shell } = await serve(t);
  const [followed] = transcript(tail);
  const following = start(t, followed.command, shell);
  await until('tail follows', () => following.all.includes('following'));
  const [shown] = transcript(subscribe);
  const subscriber = start(t, shown.command, shell);
  const lines = (n) => until(`${n} lines; there are\n${subscriber.all}`, () => subscriber.out.split('\n').length > n);
  await lines(2);
  const other = await server.connected({ user: { id: '7' } });
  const room = await subscribed(other, 'presence-room');
  await lines(3);
  await server.sdk.trigger('news', 'my-event', { message: 'hello' });
  await lines(4);
  room.trigger('client-typing', { on: true });
  await lines(5);
  assert.equal(plain(subscriber.log + subscriber.out), plain(shown.output));
  await until('the line of the event', () => following.out.includes('event published'));
  assert.equal(plain(following.log + following.out), plain(followed.output));
});

test('docs/cli.md: a script that waits for an event', async (t) => {
  const { server, shell } = await serve(t);
  const waiting = start(t, script, shell);
  await until('it is subscribed', async () => (await (await server.sdk.get({ path: '/channels/deploys' })).json()).occupied);
  await server.sdk.trigger('deploys', 'done', { version: 'v7' });
  assert.equal(await waiting.ended, 0, waiting.all);
  assert.equal(waiting.out, 'v7\n');
});

test('docs/cli.md: trigger', async (t) => {
  const { server, shell } = await serve(t);
  const news = await subscribed(await server.connected(), 'news');
  const [{ command, output }] = transcript(trigger);
  assert.equal((await run(t, command, shell)).out, output);
  assert.deepEqual(await news.log.next('my-event'), { message: 'hello' });
});

test('docs/cli.md: channels and users', async (t) => {
  const { server, shell } = await serve(t);
  for (let i = 0; i < 3; i++) await subscribed(await server.connected(), 'news');
  for (const id of ['ann', 'ann', 'bob']) await subscribed(await server.connected({ user: { id } }), 'presence-room');
  for (const { command, output } of transcript(lists)) assert.equal((await run(t, command, shell)).out, output);
  const other = elsewhere.replace('https://ws.example.com', server.http).replace('1234567', 'app-id').replace('KEY', 'app-key');
  assert.match((await run(t, other, { env: { SECRET: 'app-secret' } })).out, /^news +3 +-$/m);
});

test('docs/cli.md: history', async (t) => {
  const rule = { channels: 'private-chat-*', events: 100, ttl: '1h', client_events: true };
  const { server, shell } = await serve(t, { history: [rule] });
  const client = await server.connected();
  const chat = await subscribed(client, 'private-chat-7');
  await server.sdk.trigger('private-chat-7', 'message', { text: 'hello' });
  await chat.log.next('message');
  chat.trigger('client-typing', {});
  const kept = async () => (await (await server.sdk.get({ path: '/channels/private-chat-7/history' })).json());
  await until('both are kept', async () => (await kept()).events.length === 2);
  const [{ command, output }] = transcript(history);
  const { out, log } = await run(t, command, shell);
  assert.equal(plain(out + log), plain(output));

  const [, shown] = await blocksOf('docs/history.md', ['yaml', 'json']);
  const form = (value) => JSON.parse(JSON.stringify(value, (key, v) => ({ serial: 'SERIAL', time: 'TIME', socket_id: 'SOCKET' })[key] ?? v));
  assert.deepEqual(form(await kept()), form(JSON.parse(shown)));
});

test('docs/cli.md: auth-server', async (t) => {
  const { server, shell } = await serve(t);
  const port = await freePort();
  const authorises = start(t, `fanfare auth-server --listen 127.0.0.1:${port}`, shell);
  await until(`it listens; it says\n${authorises.all}`, () => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false));
  const code = authServer.replace('"localhost", wsPort: 6001', `"127.0.0.1", wsPort: ${server.port}`).replaceAll('127.0.0.1:3001', `127.0.0.1:${port}`);
  const pusher = new Function('Pusher', `${code}\nreturn pusher;`)(Pusher);
  server.clients.push(pusher);
  await subscribed(pusher, 'private-orders');
  assert.equal((await subscribed(pusher, 'presence-room')).members.me.id, 'ann');
  pusher.signin();
  await until('ann is signed in', () => pusher.user.user_data?.id === 'ann');
});

test('docs/cli.md: completion', async (t) => {
  const home = await folder(t);
  await mkdir(join(home, '.config/fish/completions'), { recursive: true });
  await run(t, `complete -p fanfare && exit 1; fpath=(. "$HOME")\n${completion}\ncomplete -p fanfare`, { env: { HOME: home } });
  assert.match(await readFile(join(home, '_fanfare'), 'utf8'), /^#compdef fanfare/);
  assert.match(await readFile(join(home, '.config/fish/completions/fanfare.fish'), 'utf8'), /complete -c fanfare/);
});
