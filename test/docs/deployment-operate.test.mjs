// Runs the commands of docs/deployment.md, docs/deployment-limits.md, docs/tracing.md,
// docs/metrics.md and docs/troubleshooting.md, and gives the configurations of
// docs/deployment-tls.md and docs/tracing.md to config check.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { blocksOf, folder, run, start } from './shell.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const app = '\napps: [{ id: app-id, key: my-key, secret: my-secret }]\n';

test('docs/deployment.md: a configuration of its own', async (t) => {
  const [commands] = await blocksOf('docs/deployment.md', ['sh']);
  const cwd = await folder(t);
  assert.ok(commands.includes('/etc/fanfare/'));
  const { out } = await run(t, commands.replaceAll('/etc/fanfare/', ''), { cwd });
  assert.match(out, /config\.yaml/);
  assert.match(await readFile(join(cwd, 'config.yaml'), 'utf8'), /^\s+secret: "?\w{20,}/m);
});

test('docs/deployment-tls.md: its configurations', async (t) => {
  const [files, acme] = await blocksOf('docs/deployment-tls.md', ['yaml', 'yaml']);
  const cwd = await folder(t);
  await run(t, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ws.example.com -addext subjectAltName=DNS:ws.example.com -keyout ws.example.com.key -out ws.example.com.pem", { cwd });
  const check = async (config) => {
    await writeFile(join(cwd, 'config.yaml'), config + app);
    const running = start(t, 'fanfare config check config.yaml', { cwd });
    return { code: await running.ended, all: running.all };
  };
  const local = files.replaceAll('/etc/ssl', cwd);
  assert.notEqual(local, files);
  assert.equal((await check(local)).code, 0);
  assert.equal((await check(local.replace('.key', '.pem'))).code, 1); // the files are read
  const stored = acme.replace('/var/lib/fanfare', cwd);
  assert.notEqual(stored, acme);
  const { code, all } = await check(stored);
  assert.equal(code, 0, all);
  assert.equal((await check(stored.replace('accept_terms: true', 'accept_terms: false'))).code, 1);
});

test('docs/deployment-limits.md: the limit of open files of a running server', async (t) => {
  oneNode(t, 'the limit of one process is shown');
  const page = await readFile(here('../../docs/deployment-limits.md'), 'utf8');
  const [, command] = /`(grep files [^`]*)`/.exec(page);
  const server = await fanfare(t);
  const { out } = await run(t, command.replace('$(pidof fanfare)', server.child.pid));
  assert.match(out, /^Max open files +\d+ +\d+ +files/);
});

test('docs/tracing.md: an API call arrives at the collector', async (t) => {
  oneNode(t, 'one server sends spans');
  const [commands, config] = await blocksOf('docs/tracing.md', ['sh', 'yaml']);
  const [, serve, trigger] = commands.trim().split('\n'); // test/docs/deployment-docker has the first
  let sent = '';
  const collector = createServer(async (req, res) => {
    for await (const chunk of req) sent += `${req.method} ${req.url} ${chunk.toString('latin1')}`;
    res.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  t.after(() => {
    collector.closeAllConnections();
    return new Promise((done) => collector.close(done));
  });
  const endpoint = `http://127.0.0.1:${collector.address().port}`;
  const [cwd, port] = [await folder(t), await freePort()];
  const rest = `${app}listen: 127.0.0.1:${port}\nmetrics: { listen: "" }\ncontrol_socket: ""\n`;
  const [, variable] = /or (OTEL_EXPORTER_OTLP_ENDPOINT)=(http:\S+)/.exec(serve);
  assert.ok(config.includes('http://127.0.0.1:4318'));
  const lines = config.replace('http://127.0.0.1:4318', endpoint);
  for (const [text, env] of [[lines + rest, {}], [lines.replace(/^  # /gm, '  ') + rest, { OTLP_TOKEN: 'abc' }], [rest, { [variable]: endpoint }]]) {
    await writeFile(join(cwd, 'config.yaml'), text);
    await run(t, 'fanfare config check config.yaml', { cwd, env });
    const server = start(t, `exec ${serve}`, { cwd, env });
    await until('the server is ready', () => {
      assert.equal(server.child.exitCode, null, server.all);
      return fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false);
    });
    sent = '';
    await until('the span of a call', async () => { // of one in ten with sample_ratio
      await run(t, trigger, { cwd, env });
      return sent.includes('POST /v1/traces') && sent.includes('POST /apps/:app/events');
    });
    server.child.kill('SIGTERM');
    await server.ended;
  }
});

test('docs/metrics.md: profiles', async (t) => {
  oneNode(t, 'a port of one process is asked');
  const blocks = await blocksOf('docs/metrics.md', ['sh']);
  const port = await freePort();
  await fanfare(t, { metrics: { listen: `127.0.0.1:${port}`, pprof: true } });
  const [cpu, heap, goroutines] = blocks[0].replaceAll('HOST:9601', `127.0.0.1:${port}`).trim().split('\n');
  const cwd = await folder(t);
  const env = { PPROF_TMPDIR: cwd, GOFLAGS: '' };
  // -top in place of the prompt.
  const top = (line) => run(t, line.replace('pprof', 'pprof -top').replace('seconds=10', 'seconds=1'), { cwd, env });
  assert.match((await top(cpu)).out, /^Type: cpu$/m);
  assert.match((await top(heap)).out, /^Type: inuse_space$/m);
  assert.match((await run(t, goroutines)).out, /^goroutine \d+ \[running\]:/m);
});

test('docs/troubleshooting.md: its commands', async (t) => {
  oneNode(t, 'commands ask one process');
  const [commands] = await blocksOf('docs/troubleshooting.md', ['sh']);
  const page = await readFile(here('../../docs/troubleshooting.md'), 'utf8');
  const [port, cwd] = [await freePort(), await folder(t)];
  await writeFile(join(cwd, 'config.yaml'), `${app}listen: 127.0.0.1:${port}\nmetrics: { listen: "" }\ncontrol_socket: ${cwd}/control.sock\n`);
  const env = { FANFARE_CONFIG: join(cwd, 'config.yaml') }; // for commands without --config
  const server = start(t, 'exec fanfare serve --config config.yaml', { cwd });
  await until('the server is ready', () => {
    assert.equal(server.child.exitCode, null, server.all);
    return fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false);
  });
  const [health, tail] = commands.trim().split('\n');
  await run(t, health, { cwd });
  const following = start(t, tail, { cwd });

  // Each command of fanfare that the text names is one of these.
  const named = new Set([...page.matchAll(/`(fanfare [^`]+)`/g)].map(([, command]) => command));
  const short = ['fanfare trigger -c test --event ping --data \'{}\'', 'fanfare channels', 'fanfare config check --config config.yaml'];
  const others = ['fanfare tail', 'fanfare auth-server', 'fanfare cluster status', 'fanfare webhooks listen'];
  assert.deepEqual([...named].sort(), [...short, ...others].sort());
  for (const command of short) await run(t, command, { cwd, env });
  for (const command of others) await run(t, `${command} --help`);
  await until('the call is in the tail', async () => {
    await run(t, short[0], { cwd, env });
    assert.equal(following.child.exitCode, null, following.all);
    return /api call/.test(following.all);
  });

  const second = start(t, `FANFARE_LISTEN=127.0.0.1:${port} exec fanfare serve --config config.yaml`, { cwd });
  assert.notEqual(await second.ended, 0);
  assert.match(second.all, /address already in use/);
});
