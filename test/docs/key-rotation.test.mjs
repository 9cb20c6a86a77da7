// Goes through docs/key-rotation.md with the built server: after each step both
// keys do what the page says, and the sockets of before are still open.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { Wire } from '../support/wire.mjs';
import { codeBlocks } from './blocks.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const id = '417702';
const [old, fresh] = ['old', 'new'].map((name) => ({ id, key: `${name}-key`, secret: `${name}-secret-0123456789` }));

test('a key is changed as docs/key-rotation.md says', async (t) => {
  oneNode(t, 'each node of a cluster reads its own file');
  const hooks = new Endpoint({ id, ...old });
  await hooks.open(t);
  const server = await fanfare(t, { app: { ...old, webhooks: [{ url: hooks.url, events: ['channel_occupied'] }] } });
  const blocks = codeBlocks(await readFile(here('../../docs/key-rotation.md'), 'utf8'));
  assert.deepEqual(blocks.map(({ info }) => info), ['yaml step 1', 'sh', 'yaml step 3', 'yaml step 4']);
  const [command] = blocks.filter(({ info }) => info === 'sh');
  assert.equal(command.text, 'fanfare reload --config config.yaml\n');
  const top = Object.entries(server.config).filter(([key]) => key !== 'apps').map((pair) => `${pair[0]}: ${JSON.stringify(pair[1])}\n`).join('');
  const step = async (n) => {
    const { text } = blocks.find(({ info }) => info === `yaml step ${n}`);
    await writeFile(server.file, `${top}${text}    webhooks: ${JSON.stringify(server.config.apps[0].webhooks)}\n`);
    await promisify(execFile)(here('../.bin/fanfare'), ['reload', '--config', server.file]);
  };
  let visits = 0;
  const works = async (app) => {
    const client = await server.connected({ key: app.key, sdk: server.sdkOf(app) });
    const name = `private-visit-${++visits}`;
    const channel = await subscribed(client, name);
    let got = 0;
    channel.bind('e', () => got++);
    await server.sdkOf(app).trigger(name, 'e', {});
    await until('the event is there', () => got === 1);
    await until('the webhook is there', () => hooks.requests.at(-1)?.body.includes(name));
    return hooks.requests.at(-1).headers['x-pusher-key'];
  };
  const fails = async (app) => {
    const { code } = await new Wire(server, { key: app.key }).close();
    assert.equal(code, 4001);
    await assert.rejects(server.sdkOf(app).trigger('news', 'e', {}), (err) => err.status === 401 && /Unknown auth_key/.test(err.body));
  };

  assert.equal(await works(old), old.key);
  await fails(fresh);
  const stays = await server.connected({ key: old.key, sdk: server.sdkOf(old) });
  const socket = stays.connection.socket_id;
  await step(1);
  for (const app of [old, fresh]) assert.equal(await works(app), old.key);
  await step(3);
  for (const app of [old, fresh]) assert.equal(await works(app), fresh.key);
  await step(4);
  assert.equal(await works(fresh), fresh.key);
  await fails(old);
  assert.equal(stays.connection.state, 'connected');
  assert.equal(stays.connection.socket_id, socket);
});
