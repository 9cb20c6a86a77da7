// The clients that docs/clients*.md shows: those that run here hear what a back end triggers, the others are parsed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { backEnd, folderOf, order, program, snippet } from './backends.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A server, a back end, and a wait until somebody is on the channel of the orders. */
async function shop(t, name = 'go') {
  const server = await fanfare(t, { app: { id: '1001' } });
  const url = await backEnd(t, name, server);
  const listening = () => until('somebody listens', async () => (await (await server.sdk.get({ path: '/channels/private-orders' })).json()).occupied);
  return { server, url, listening };
}

test('browser: orders, and events to the signed-in user', async (t) => {
  const { server, url, listening } = await shop(t, 'node');
  const { folder, file } = await folderOf(t, 'browser/realtime.js');
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(here('../node_modules'), join(folder, 'node_modules'));
  const { connect, onOrder, onNotice } = await import(file);
  const pusher = connect({ key: 'app-key', host: '127.0.0.1', port: server.port, tls: false, api: url });
  t.after(() => pusher.disconnect());
  const [orders, notices] = [[], []];
  const stop = onOrder(pusher, (data) => orders.push(data));
  onNotice(pusher, (data) => notices.push(data));
  await listening();
  await until('the user is signed in', () => pusher.user.user_data);
  await order(url, 'tea');
  await until('both events', () => orders.length > 0 && notices.length > 0);
  assert.deepEqual([orders, notices], [[{ text: 'tea' }], [{ text: 'Your order has arrived.' }]]);
  stop();
  await until('nobody listens', async () => !(await (await server.sdk.get({ path: '/channels/private-orders' })).json()).occupied);
});

test('python: the client hears an order', async (t) => {
  const { server, url, listening } = await shop(t);
  const app = program(t, here('../.venv/bin/python'), [snippet('python/listen.py')], {
    PUSHER_APP_KEY: 'app-key', PUSHER_HOST: '127.0.0.1', PUSHER_PORT: String(server.port), API: url, PYTHONDONTWRITEBYTECODE: '1',
  });
  await listening();
  await order(url, 'tea');
  await until('the order', () => app.out.includes('\n'));
  assert.deepEqual(JSON.parse(app.out), { text: 'tea' });
});

test('C#, Dart and Swift: the files keep to the grammars of their languages', async (t) => {
  const parse = (...files) => promisify(execFile)(here('../.venv/bin/python'), [here('parse.py'), ...files]);
  const files = ['aspnet/Program.cs', 'dotnet/Realtime.cs', 'flutter/realtime.dart', 'swift/Realtime.swift'];
  assert.equal((await parse(...files.map(snippet))).stdout, '');
  for (const name of files) {
    const { file } = await folderOf(t, name);
    await writeFile(file, (await readFile(file, 'utf8')).replace('(', '(('));
    assert.match((await parse(file)).stdout, /not the language's grammar/, name);
  }
});

test('android: the client hears an order', async (t) => {
  const { server, url, listening } = await shop(t);
  const app = program(t, 'java', ['-cp', `${here('.build/android')}:${here('../java/.build/pusher-java-client-2.4.4/jars')}/*`, 'Listen', String(server.port), url]);
  await listening();
  await order(url, 'tea');
  await until('the order', () => app.out.includes('\n'));
  assert.deepEqual(JSON.parse(app.out), { text: 'tea' });
});

test('react native: the client hears orders until it is told to stop', async (t) => {
  const { server, url, listening } = await shop(t);
  const { connect, onOrder } = await reactNative(t);
  const pusher = connect({ key: 'app-key', host: '127.0.0.1', port: server.port, tls: false, api: url, token: 'a-token' });
  t.after(() => pusher.disconnect());
  const heard = [];
  const stop = onOrder(pusher, (data) => heard.push(data));
  await listening();
  await order(url, 'tea');
  await until('the order', () => heard.length > 0);
  assert.deepEqual(heard, [{ text: 'tea' }]);
  assert.deepEqual(Xhr.authorizations, ['Bearer a-token']);
  stop();
  await until('nobody listens', async () => !(await (await server.sdk.get({ path: '/channels/private-orders' })).json()).occupied);
});

// Options and methods by the types of pusher-js, which declare a default export where the build has one by name.
test('react native: the types of pusher-js know what the client uses', { timeout: 600_000 }, () => {
  const ts = typescript();
  const declared = here('react-native.d.ts');
  const program = ts.createProgram([snippet('react-native/realtime.js'), declared], {
    allowJs: true, checkJs: true, strict: false, noEmit: true, skipLibCheck: true, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, paths: { 'pusher-js/react-native': [here('../node_modules/pusher-js/react-native/index.d.ts')] },
  });
  assert.ok(program.getSourceFiles().some((f) => f.fileName.endsWith('types/src/core/pusher.d.ts')), 'the types of pusher-js are not read');
  assert.equal(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), { getCanonicalFileName: (f) => f, getCurrentDirectory: () => '', getNewLine: () => '\n' }), '');
});

/** ../chat/setup installs it. */
const typescript = () => createRequire(here('../../examples/nextjs-chat/index.js'))('typescript');

/** What React Native gives an app, as far as pusher-js asks for it. */
class Xhr {
  static authorizations = [];
  headers = {};

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  async send(body) {
    Xhr.authorizations.push(this.headers.Authorization);
    const response = await fetch(this.url, { method: this.method, headers: this.headers, body });
    Object.assign(this, { readyState: 4, status: response.status, responseText: await response.text() });
    this.onreadystatechange();
  }
}

/** The snippet as Metro would load it: with the build of pusher-js for React Native. */
async function reactNative(t) {
  const folder = await mkdtemp(join(tmpdir(), 'react-native-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(here('../node_modules/pusher-js'), join(folder, 'node_modules/pusher-js'), { recursive: true });
  const netinfo = join(folder, 'node_modules/@react-native-community/netinfo/index.js');
  await mkdir(dirname(netinfo), { recursive: true });
  await writeFile(netinfo, 'module.exports = { fetch: async () => ({ type: "wifi", isConnected: true }), addEventListener: () => () => {} };');
  const ts = typescript();
  const { outputText } = ts.transpileModule(await readFile(snippet('react-native/realtime.js'), 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, esModuleInterop: true, target: ts.ScriptTarget.ES2022 },
  });
  await writeFile(join(folder, 'realtime.js'), outputText);
  Object.assign(globalThis, { WebSocket, XMLHttpRequest: Xhr });
  return createRequire(join(folder, 'index.js'))('./realtime.js');
}
