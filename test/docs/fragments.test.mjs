// Runs the fragments of code in README.md, docs/idempotency.md, docs/fallback.md, docs/codes.md
// and the READMEs of clients/js and the examples of Next.js, as they stand there.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Pusher from 'pusher-js';
import { recover } from '../../clients/js/recovery.js';
import { fanfare, freePort } from '../support/fanfare.mjs';
import { Log, settled, subscribed, until } from '../support/wait.mjs';
import { blocksOf, folder } from './shell.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const Async = (async () => {}).constructor;

const replaced = (text, ...pairs) => pairs.reduce((all, [from, to]) => {
  assert.ok(all.includes(from), `${from} in\n${all}`);
  return all.replaceAll(from, to);
}, text);

test('README.md: a page subscribes, and a back end triggers an event', async (t) => {
  const [, page, backEnd] = await blocksOf('README.md', ['sh', 'js', 'js']);
  const server = await fanfare(t);
  const here = [['"localhost"', '"127.0.0.1"'], ['6001', String(server.port)]];
  const lines = [];
  const code = replaced(page, ['import Pusher from "pusher-js";\n', ''], ...here);
  const pusher = new Function('Pusher', 'console', `${code}\nreturn pusher;`)(Pusher, { log: (line) => void lines.push(line) });
  server.clients.push(pusher);
  await until('it is subscribed', () => pusher.channel('my-channel').subscribed);
  new Function('require', replaced(backEnd, ...here))(createRequire(import.meta.url));
  await until('the event', () => lines.length > 0);
  assert.deepEqual(lines, ['hello']);
});

test('docs/idempotency.md: each event is published once', async (t) => {
  const [trigger, php, batch] = await blocksOf('docs/idempotency.md', ['js', 'php', 'js']);
  const server = await fanfare(t);
  const orders = await subscribed(await server.connected(), 'orders');
  for (const code of [trigger, trigger, batch, batch]) await new Async('pusher', code)(server.sdk);
  const sdk = `require '${here('../move/php/sdk.php')}'; $pusher = new Sdk('app-key', 'app-secret', 'app-id', '${server.http}');`;
  for (let i = 0; i < 2; i++) await promisify(execFile)('php', ['-r', `${sdk}\n${replaced(php, ['paid-7', 'paid-9'])}`]);
  await settled(server.sdk, orders);
  assert.deepEqual(orders.log.all('paid'), [{ order: 7 }, { order: 8 }, { order: 7 }]); // the last one by PHP
});

test('docs/fallback.md: pusher-js connects over HTTP when it has no WebSocket', async (t) => {
  const [options] = await blocksOf('docs/fallback.md', ['js', 'haproxy']);
  const server = await fanfare(t);
  const code = replaced(options, ['"ws.example.com"', '"127.0.0.1"'], ['wsPort: 80', `wsPort: ${server.port}`], ['httpPort: 80', `httpPort: ${server.port}`]);
  for (const blocked of [[], ['ws']]) {
    const limits = `forceTLS: false, disabledTransports: ${JSON.stringify(blocked)},`;
    const pusher = new Function('Pusher', `${replaced(code, ['cluster: "",', `cluster: "", ${limits}`])}\nreturn pusher;`)(Pusher);
    server.clients.push(pusher);
    await until('it is connected', () => pusher.connection.state === 'connected');
    assert.match(pusher.connection.connection.transport.name, blocked.length ? /^xhr_/ : /^ws$/);
  }
});

test('docs/fallback.md: HAProxy passes streams and polls on', async (t) => {
  const [, config] = await blocksOf('docs/fallback.md', ['js', 'haproxy']);
  const server = await fanfare(t);
  const [port, cwd] = [await freePort(), await folder(t)];
  const file = join(cwd, 'haproxy.cfg');
  await writeFile(file, `${replaced(config, ['127.0.0.1:6001', `127.0.0.1:${server.port}`])}\nfrontend clients\n    bind 127.0.0.1:${port}\n    default_backend fanfare\n`);
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  t.after(async () => {
    haproxy.kill('SIGKILL');
    if (haproxy.exitCode === null && haproxy.signalCode === null) await once(haproxy, 'exit');
  });
  for (const transport of ['xhr_streaming', 'xhr_polling']) {
    const client = server.client({ wsHost: '127.0.0.1', httpHost: '127.0.0.1', httpPort: port, enabledTransports: [transport] });
    const news = await subscribed(client, 'news');
    await server.sdk.trigger('news', 'e', transport);
    assert.equal(await news.log.next('e'), transport);
  }
});

test('docs/codes.md: a page reads codes and statuses', async (t) => {
  const [read] = await blocksOf('docs/codes.md', ['js']);
  const server = await fanfare(t, { app: { client_events: false } });
  const lines = [];
  const console = { log: (...args) => void lines.push(args) };
  const client = await server.connected({ channelAuthorization: { customHandler: (_, done) => done(null, { auth: 'app-key:00' }) } });
  const channel = client.subscribe('private-orders');
  new Function('pusher', 'channel', 'console', read)(client, channel, console);
  await until('the refusal', () => lines.some(([status]) => status === 401));
  const stranger = server.client({ key: 'unknown' });
  new Function('pusher', 'channel', 'console', read)(stranger, channel, console);
  await until('the code', () => lines.some(([code, message]) => code === 4001 && /does not exist/.test(message)));
});

test('clients/js/README.md: a page recovers', async (t) => {
  const [code, page] = await blocksOf('clients/js/README.md', ['js', 'html']);
  const server = await fanfare(t, { app: { history: [{ channels: 'private-chat-*', events: 10, ttl: '1h' }] } });
  const body = replaced(code.replace(/^import .*\n/gm, ''), ["{ wsHost: 'realtime.example.com', cluster: '' }", 'options']);
  let show;
  const shown = new Log({ bind_global: (f) => (show = f) });
  const pusher = new Function('Pusher', 'recover', 'options', 'show', 'location', `${body}\nreturn pusher;`)(
    Pusher, recover, server.options(), ({ n }) => show('said', n), { reload: () => show('gap', true) },
  );
  server.clients.push(pusher);
  await until('it is subscribed', () => pusher.channel('private-chat-7').subscribed);
  await server.sdk.trigger('private-chat-7', 'said', { n: 1 });
  assert.equal(await shown.next('said'), 1);
  pusher.disconnect();
  await server.sdk.trigger('private-chat-7', 'said', { n: 2 });
  pusher.connect();
  assert.equal(await shown.next('said'), 2);
  assert.deepEqual(shown.all('gap'), []);
  assert.match(page, /FanfareRecovery\.recover\(pusher\)/); // test/recovery loads recovery.global.js in Chromium
});

/** Compiles a file as a part of an example. */
async function compiles(t, example, name, text) {
  const root = here(`../../examples/${example}`);
  const cwd = await folder(t);
  await writeFile(join(cwd, name), text);
  await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify({
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: true, incremental: false, paths: { '@/*': [join(root, '*')] }, typeRoots: [join(root, 'node_modules/@types')], types: ['node'] },
    include: [name, join(root, 'next-env.d.ts')],
  }));
  const tsc = createRequire(join(root, 'index.js')).resolve('typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', cwd]).catch(({ stdout, message }) => assert.fail(stdout || message));
}

test('examples/nextjs-app-router/README.md: the server action compiles', async (t) => {
  const [, action] = await blocksOf('examples/nextjs-app-router/README.md', ['sh', 'ts']);
  await compiles(t, 'nextjs-app-router', 'action.ts', action);
});

test('examples/nextjs-chat/README.md: the use of the hook compiles', async (t) => {
  const [, use] = await blocksOf('examples/nextjs-chat/README.md', ['sh', 'tsx']);
  const names = use.match(/\{ (.*) \} = useRoom/)[1];
  await compiles(t, 'nextjs-chat', 'use.tsx', `import { useRoom } from '@/hooks/useRoom';
type Options = Parameters<typeof useRoom>[0];
export function useIt({ settings, room, me }: Options, beep: Options['onNewMessage'] & {}) {
${use}return { ${names} };
}
`);
});
