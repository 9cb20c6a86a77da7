// Runs the commands of docs/apps.md, docs/admin-api.md, docs/moving.md, docs/laravel.md
// and docs/benchmark.md, and gives every configuration of these pages to config check.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { blocksOf, folder, run, start, transcript } from './shell.mjs';

const [store, appCommands, appImports] = await blocksOf('docs/apps.md', ['yaml', 'sh', 'sh']);
const [admin, calls, token] = await blocksOf('docs/admin-api.md', ['yaml', 'sh', '']);
const [imports] = await blocksOf('docs/moving.md', ['sh']);
const [laravelImports, worker, laravelApp] = await blocksOf('docs/laravel.md', ['sh', 'ini', 'yaml']);
const [history] = await blocksOf('docs/history.md', ['yaml', 'json']);
const [webhooks] = await blocksOf('docs/webhooks.md', ['yaml', 'js', 'python', 'go', 'php', 'ruby']);

const key = Buffer.alloc(32, 7).toString('base64');

/** A folder with files by their names. */
async function files(t, texts) {
  const root = await folder(t);
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

for (const [page, text] of Object.entries({ apps: store, 'admin-api': admin, laravel: laravelApp, history, webhooks })) {
  test(`docs/${page}.md: its configuration is accepted`, async (t) => {
    const apps = /^(apps|store):/m.test(text) ? '' : '\napps: [{ id: app-id, key: my-key, secret: my-secret }]\n';
    const config = text.replace('/var/lib/fanfare', await folder(t)) + apps;
    const cwd = await files(t, { 'config.yaml': config });
    await run(t, 'fanfare config check config.yaml', { cwd, env: { STORE_KEY: key } });
    await writeFile(join(cwd, 'config.yaml'), config.replace(/^( *)(- )?(\w+): /m, '$1$2mistyped_$3: '));
    const refused = start(t, 'fanfare config check config.yaml', { cwd, env: { STORE_KEY: key } });
    assert.equal(await refused.ended, 1, refused.all);
  });
}

const other = {
  '.env': 'REVERB_APP_ID=740221\nREVERB_APP_KEY=reverb-key\nREVERB_APP_SECRET=reverb-secret\nPUSHER_APP_ID=740222\nPUSHER_APP_KEY=pusher-key\nPUSHER_APP_SECRET=pusher-secret\n',
  'config/reverb.php': `<?php return ['apps' => ['apps' => [['app_id' => env('REVERB_APP_ID'), 'key' => env('REVERB_APP_KEY'), 'secret' => env('REVERB_APP_SECRET')]]]];`,
  'soketi.json': '{"appManager.array.apps":[{"id":"740223","key":"soketi-key","secret":"soketi-secret"}]}',
  'soketi.env': 'SOKETI_DEFAULT_APP_ID=740224\nSOKETI_DEFAULT_APP_KEY=default-key\nSOKETI_DEFAULT_APP_SECRET=default-secret\n',
};

/** The lines of a block that begin in a way, without what is behind a #. */
const lines = (text, start) => text.split('\n').filter((line) => line.startsWith(start)).map((line) => line.replace(/ #.*/, '').trim());

test('docs/apps.md: its commands, on SQLite', async (t) => {
  const cwd = await files(t, { ...other, 'config.yaml': 'apps: [{ id: "740225", key: file-key, secret: file-secret }]\n' });
  const env = { FANFARE_STORE_KIND: 'sqlite', FANFARE_STORE_DSN: join(cwd, 'apps.db'), FANFARE_STORE_ENCRYPTION_KEY: key };
  await run(t, 'fanfare apps migrate', { cwd, env }); // what the start of a server does
  const { out } = await run(t, appCommands, { cwd, env });
  assert.match(out, /^shop\b/m);
  const commands = lines(appImports, 'fanfare apps import');
  assert.equal(commands.length, 4);
  const found = [];
  for (const command of commands) {
    const variables = command.endsWith('import') ? Object.fromEntries(other['soketi.env'].trim().split('\n').map((line) => line.split('='))) : {};
    await run(t, command, { cwd, env: { ...env, ...variables } });
    const { out: listed } = await run(t, 'fanfare apps list', { cwd, env });
    found.push(listed.match(/^7402\d\d\b/gm).sort().join());
  }
  assert.deepEqual(found, [
    '740225', '740221,740222,740225', '740221,740222,740223,740225', '740221,740222,740223,740224,740225',
  ]);
  await run(t, 'old=$(fanfare apps show 740225 --json | jq -r .key); fanfare apps rotate 740225; fanfare apps rotate 740225 --retire "$old"', { cwd, env });
});

test('docs/moving.md and docs/laravel.md: imports', async (t) => {
  const commands = lines(imports, 'fanfare import');
  assert.equal(commands.length, 2);
  assert.equal(lines(laravelImports, 'fanfare import').length, 3);
  for (const command of [...commands, ...lines(laravelImports, 'fanfare import')]) {
    const cwd = await files(t, other);
    await run(t, command, { cwd });
    await run(t, 'fanfare config check config.yaml', { cwd });
  }
  const [docker] = lines(imports, 'docker exec');
  await run(t, docker.replace('docker exec soketi env', 'cat soketi.env'), { cwd: await files(t, other) });
  const [pusher] = lines(imports, 'pusher channels');
  const tokens = { 'tokens.json': '[{"key":"pusher-key","secret":"pusher-secret"}]' };
  await run(t, pusher.replace(/^pusher .* --json/, 'cat tokens.json'), { cwd: await files(t, tokens) });
});

test('docs/laravel.md: the block for Supervisor', async (t) => {
  const cwd = await files(t, { 'queue.conf': worker });
  const { out } = await run(t, `python3 -c '
import configparser
c = configparser.RawConfigParser(); c.read("queue.conf"); print(c["program:queue"]["command"])'`, { cwd });
  assert.match(out, /artisan queue:work/);
});

test('docs/admin-api.md: its commands', async (t) => {
  oneNode(t, 'the page is the same for two');
  const port = await freePort();
  const server = await fanfare(t, { admin: { listen: `127.0.0.1:${port}` } });
  const [overview, publish, events] = calls.trim().split('\n').map((line) => line.replaceAll('127.0.0.1:6003', `127.0.0.1:${port}`));
  assert.equal(JSON.parse((await run(t, overview)).out).connections, 0);
  const client = await server.connected();
  const news = client.subscribe('news');
  const heard = [];
  news.bind('hello', (data) => heard.push(data));
  await until('it is subscribed', () => news.subscribed);
  JSON.parse((await run(t, publish)).out);
  await until('the event', () => heard.length === 1);
  assert.deepEqual(heard, [{ a: 1 }]);

  const stream = start(t, events);
  await until(`a connection is in the stream:\n${stream.all}`, async () => {
    (await server.connected()).disconnect();
    return stream.out.includes('"connection opened"');
  });
});

test('docs/admin-api.md: a token', async (t) => {
  const [{ command, output }] = transcript(token);
  const form = (text) => text.split('\n').filter((line) => !line.startsWith('#')).join('\n').replace(/"[0-9a-f]{4,}…?"/, '"HASH"');
  const { out } = await run(t, command);
  assert.equal(form(out), form(output));
});

test('docs/configuration.md: a broken file', async (t) => {
  const [, shown] = await blocksOf('docs/configuration.md', ['yaml', '']);
  const [{ command, output }] = transcript(shown);
  const broken = 'apps:\n  - {id: chat, key: abc,\n     secert: s3cret,\n     limits: {max_event_bytes: 10k}}\n';
  const refused = start(t, command, { cwd: await files(t, { 'broken.yaml': broken }) });
  assert.equal(await refused.ended, 1);
  assert.equal(refused.all, output);
});

test('docs/moving.md: step by step', async (t) => {
  const page = await readFile(new URL('../../docs/moving.md', import.meta.url), 'utf8');
  const [serve, trigger] = [...page.split('## Step by step')[1].matchAll(/`(fanfare [^`]+)`/g)].map(([, command]) => command);
  const [port, metrics] = [await freePort(), await freePort()];
  const here = (command) => {
    for (const part of ['config.yaml', ' :6002']) assert.ok(command.includes(part), command);
    return command.replace(' :6002', ` 127.0.0.1:${port}`).replace(' :9602', ` 127.0.0.1:${metrics}`);
  };
  const cwd = await files(t, { 'config.yaml': 'admin: { listen: "" }\ncontrol_socket: ""\napps: [{ id: app-id, key: my-key, secret: my-secret }]\n' });
  const serving = start(t, here(serve), { cwd });
  await until('it serves', () => serving.all.includes('msg=serving'));
  assert.match((await run(t, here(trigger), { cwd })).out, /^sent my-event to my-channel$/m);
});

test('docs/benchmark.md: the scenarios that it names', async (t) => {
  oneNode(t, 'the page is the same for two');
  const [first] = await blocksOf('docs/benchmark.md', ['sh', 'sh', 'sh']);
  const [fanout, sweep] = lines(first, 'fanfare bench');
  const cwd = await folder(t);
  const server = await fanfare(t);
  const here = (command) => Object.entries({ '127.0.0.1:6001': `127.0.0.1:${server.port}`, ' ID': ' app-id', ' KEY': ' app-key', ' SECRET': ' app-secret' })
    .reduce((all, [from, to]) => all.replace(from, to), command);
  const short = '--sockets 20 --warmup 100ms --duration 300ms';
  assert.match((await run(t, `${here(fanout).replace('PID', process.pid)} ${short}`, { cwd })).out, /^ *lost +0\b/m);
  await run(t, `${here(sweep)} ${short.replace('--warmup 100ms ', '')} --rates 10,20`, { cwd });
  assert.match(await readFile(join(cwd, 'latency.svg'), 'utf8'), /^<svg/);
});
