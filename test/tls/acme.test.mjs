// Certificates by ACME, from pebble.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { WebSocket } from 'ws';
import { Fanfare, freePort } from '../support/fanfare.mjs';
import { factor, until } from '../support/wait.mjs';
import { Authority } from './authority.mjs';
import { presented } from './client.mjs';
import { external, Pebble } from './pebble.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // for what asks whether the server is ready; presented verifies

const domains = ['ws.fanfare.example', 'events.fanfare.example'];
const line = (log, message) => log.split('\n').filter((l) => l.includes(`msg="${message}"`));
const obtained = (...servers) => servers.flatMap((s) => line(s.log, 'a certificate was obtained'));

// A server that may not be ready for long; the test starts it.
async function make(t, { directory, storage, port, ...more }) {
  port ??= await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-acme-'));
  const authority = t.authority ??= await Authority.of(t);
  const acme = { domains, email: 'admin@fanfare.example', accept_terms: true, storage: storage ?? join(folder, 'acme'), directory, ca_file: authority.file('ca.pem'), ...more };
  const config = { listen: `127.0.0.1:${port}`, metrics: { listen: '' }, control_socket: '', tls: { acme }, apps: [{ id: 'app-id', key: 'app-key', secret: 'app-secret' }] };
  const file = join(folder, 'config.yaml');
  await writeFile(file, JSON.stringify(config));
  const server = new Fanfare(port, file, config);
  t.after(async () => {
    if (server.child) await server.stop('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  return server;
}

const directory = (port) => `https://127.0.0.1:${port}/dir`;
const certificate = (server, pebble, servername = domains[0]) => presented({ port: server.port, servername, ca: pebble.root });

// begin starts a server that may not be ready before the test ends.
function begin(server) {
  const ready = server.start();
  ready.catch(() => {});
  return ready;
}

const refused = (server) => until('the failure is told', () => line(server.log, 'no certificate was obtained').length > 0);

test('TLS-ALPN-01: one certificate for all names, with an external account; a restart orders none', async (t) => {
  const port = await freePort();
  const pebble = await Pebble.of(t, t.authority = await Authority.of(t), { at: port, externalOnly: true });
  const server = await make(t, { port, directory: directory(pebble.port), ...external });
  await server.start();
  const first = await certificate(server, pebble);
  for (const name of domains) {
    assert.equal((await certificate(server, pebble, name)).serialNumber, first.serialNumber);
    assert.ok(first.checkHost(name));
  }
  assert.equal(obtained(server).length, 1, server.log);
  assert.match(obtained(server)[0], new RegExp(`serial=${first.serialNumber}`, 'i'));
  assert.ok(!server.log.includes(external.eab_key));
  // Who asks as the ACME server does gets nothing when no challenge is open.
  await assert.rejects(presented({ port, servername: domains[0], ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false }));

  assert.equal(await server.stop(), 0);
  await server.start();
  assert.equal((await certificate(server, pebble)).serialNumber, first.serialNumber);
  assert.deepEqual(obtained(server), []);
});

test('a certificate is renewed when two thirds of its time are over, and sockets stay', async (t) => {
  const port = await freePort();
  const pebble = await Pebble.of(t, t.authority = await Authority.of(t), { at: port, validity: 30 * factor });
  const server = await make(t, { port, directory: directory(pebble.port) });
  await server.start();
  const socket = new WebSocket(`wss://127.0.0.1:${port}/app/app-key?protocol=7`);
  let closed = false;
  socket.on('close', () => { closed = true; });
  await once(socket, 'message');
  const before = await certificate(server, pebble);
  await until('another certificate is served', async () => (await certificate(server, pebble)).serialNumber !== before.serialNumber);
  await until('the second is in the log', () => obtained(server).length >= 2); // which comes through a pipe
  socket.send('{"event":"pusher:ping","data":{}}');
  await once(socket, 'message');
  assert.equal(closed, false);
  socket.terminate();
  assert.deepEqual(line(server.log, 'no certificate was obtained'), []);
});

test('HTTP-01: what is wrong is told with a remedy, and a reload tries again at once', async (t) => {
  const [at, plain] = [await freePort(), await freePort()];
  const pebble = await Pebble.of(t, t.authority = await Authority.of(t), { at });
  const server = await make(t, { directory: directory(pebble.port), http_listen: `127.0.0.1:${plain}` });
  const ready = begin(server);
  await refused(server);
  const [told] = line(server.log, 'no certificate was obtained');
  for (const part of ['level=ERROR', 'fanfare.example: ', '(connection)', 'has to reach port 80 of the domain', 'tls.acme.http_listen', 'retry_in=1m', 'expires="there is none"']) {
    assert.ok(told.includes(part), `no ${part} in ${told}`);
  }
  await assert.rejects(presented({ port: server.port, rejectUnauthorized: false }));

  // As a router that forwards port 80 at last.
  const router = createServer((from) => {
    const to = connect(plain, '127.0.0.1');
    for (const end of [from, to]) end.on('error', () => {});
    from.pipe(to).pipe(from);
  }).listen(at, '127.0.0.1');
  await once(router, 'listening');
  t.after(() => router.close());
  server.child.kill('SIGHUP');
  await ready;
  await until('the certificate is there', () => obtained(server).length === 1);
  await certificate(server, pebble);

  const answer = async (options) => {
    const asked = request({ host: '127.0.0.1', port: plain, agent: false, ...options }).end();
    const [response] = await once(asked, 'response');
    response.resume();
    return response;
  };
  const redirect = await answer({ path: '/?a=1', headers: { host: `${domains[0]}:80` } });
  assert.equal(redirect.statusCode, 301);
  assert.equal(redirect.headers.location, `https://${domains[0]}/?a=1`);
  assert.equal((await answer({ path: '/', headers: { host: 'other.example' } })).statusCode, 404);
  assert.equal((await answer({ path: '/', method: 'POST', headers: { host: domains[0] } })).statusCode, 404);
  assert.equal((await answer({ path: '/.well-known/acme-challenge/none' })).statusCode, 404);
});

test('an ACME server that nobody vouches for, or that is away, is told with a remedy', async (t) => {
  const [port, away] = [await freePort(), await freePort()];
  const pebble = await Pebble.of(t, t.authority = await Authority.of(t), { at: port });
  const strange = await make(t, { port, directory: directory(pebble.port), ca_file: '' });
  begin(strange);
  const absent = await make(t, { directory: directory(away) });
  begin(absent);
  for (const [server, remedy] of [[strange, 'name that authority'], [absent, 'has to reach https://127.0.0.1']]) {
    await refused(server);
    assert.ok(line(server.log, 'no certificate was obtained')[0].includes(remedy), server.log);
  }
});

test('nodes with one storage share a certificate, and each answers the challenges of all', async (t) => {
  const [port, late] = [await freePort(), await freePort()];
  const storage = await mkdtemp(join(tmpdir(), 'fanfare-acme-'));
  t.after(() => rm(storage, { recursive: true, force: true }));
  const other = await make(t, { port, storage, directory: directory(late) });
  begin(other); // there is no ACME server yet
  await refused(other);
  const pebble = await Pebble.of(t, t.authority, { at: port, port: late });

  // This one orders; the challenges reach the other.
  const orders = await make(t, { storage, directory: directory(late) });
  await orders.start();
  other.child.kill('SIGHUP');
  const serial = (await certificate(orders, pebble)).serialNumber;
  await until('the other has the same', async () => (await certificate(other, pebble).catch(() => undefined))?.serialNumber === serial);
  assert.equal(obtained(orders, other).length, 1, orders.log + other.log);
});
