// Tests that the commands that call a server work with fanfare and with soketi.
// Run by make cli-peers; needs bin/fanfare.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const binary = join(here, '../../bin/fanfare');
const master = Buffer.alloc(32, 7).toString('base64');
const timeout = 60_000;

const servers = {
  fanfare: (port) => [binary, ['serve', '--listen', `127.0.0.1:${port}`, '--metrics-listen=', '--app-id=app-id', '--app-key=app-key', '--app-secret=app-secret'], {}],
  soketi: (port) => [process.execPath, [join(here, 'node_modules/@soketi/soketi/bin/server.js'), 'start'], {
    SOKETI_HOST: '127.0.0.1', SOKETI_PORT: String(port), SOKETI_METRICS_ENABLED: '0', SOKETI_DEFAULT_APP_USER_AUTHENTICATION: '1',
    SOKETI_DEFAULT_APP_ID: 'app-id', SOKETI_DEFAULT_APP_KEY: 'app-key', SOKETI_DEFAULT_APP_SECRET: 'app-secret',
    SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: '1',
  }],
};

const freePort = () => new Promise((resolve, reject) => {
  const s = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => resolve(port));
  });
});

// start runs a process and kills it at the end of the test.
function start(t, file, args, env = {}) {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const p = { child, out: '', err: '', waiting: [] };
  const changed = () => p.waiting.forEach((look) => look());
  child.stdout.on('data', (b) => { p.out += b; changed(); });
  child.stderr.on('data', (b) => { p.err += b; changed(); });
  p.ended = new Promise((resolve) => child.once('close', (code) => { p.code = code; resolve(code); changed(); }));
  // until waits for a text of the output.
  p.until = (text) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${text} in\n${p.out}${p.err}`)), timeout);
    p.waiting.push(() => {
      if (p.out.includes(text)) { clearTimeout(timer); resolve(); }
      else if (p.code !== undefined) { clearTimeout(timer); reject(new Error(`it ended with ${p.code} before ${text}:\n${p.out}${p.err}`)); }
    });
    changed();
  });
  t.after(async () => { child.kill('SIGKILL'); await p.ended; });
  return p;
}

async function reached(url) {
  for (const end = Date.now() + timeout; ;) {
    if (await fetch(url).then(() => true, () => false)) return;
    if (Date.now() > end) throw new Error(`no server answers at ${url}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

for (const [name, how] of Object.entries(servers)) {
  test(`${name}: subscribe, trigger, channels, users, terminate`, { timeout: 3 * timeout }, async (t) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    start(t, ...how(port));
    await reached(url);
    const app = ['--url', url, '--app-id', 'app-id', '--app-key', 'app-key', '--app-secret', 'app-secret'];
    const fanfare = (...args) => start(t, binary, [...args, ...app]);
    const done = async (...args) => {
      const p = fanfare(...args);
      assert.equal(await p.ended, 0, p.err);
      return p.out;
    };

    const names = ['news', 'private-a', 'presence-room', 'private-encrypted-x'];
    const s = fanfare('subscribe', ...names, '#server-to-user-7', '--user-id', 'ann', '--user-info', '{"name":"Ann"}', '--encryption-key', master, '--format', 'json');
    await s.until('"channel":"#server-to-user-7"');
    for (const c of names) await done('trigger', '-c', c, '--event', 'e', '--data', `{"to":"${c}"}`, ...(c.includes('encrypted') ? ['--encryption-key', master] : []));
    await done('trigger', '-c', '#server-to-user-7', '--event', 'e', '--data', '{"to":"7"}');
    await s.until('"to":"7"');
    const events = s.out.trim().split('\n').map((line) => JSON.parse(line)).filter((e) => e.event === 'e');
    assert.deepEqual(events.map((e) => [e.channel, e.data.to, e.problem]), [...names.map((c) => [c, c, undefined]), ['#server-to-user-7', '7', undefined]]);

    const listed = (await done('channels', '--format', 'json')).trim().split('\n').map((line) => JSON.parse(line));
    for (const c of names) assert.equal(listed.find((l) => l.channel === c)?.subscription_count, 1, c);
    assert.match(await done('channels', '--prefix', 'presence-'), /^CHANNEL .*\npresence-room +1 +[1-]\n$/);
    assert.equal(await done('users', 'presence-room'), 'ann\n');

    await done('terminate', '7');
    assert.equal(await s.ended, 3, s.err);
    assert.match(s.err, /4009/);

    const wrong = start(t, binary, ['subscribe', 'private-a', ...app.slice(0, -1), 'wrong']);
    assert.equal(await wrong.ended, 3, wrong.err);
    assert.match(wrong.err, /private-a is refused/);
    const refused = start(t, binary, ['channels', ...app.slice(0, -1), 'wrong']);
    assert.equal(await refused.ended, 3, refused.err);
  });
  // Small and short: it tests that each scenario works, not how fast it is.
  test(`${name}: the scenarios of bench`, { timeout: 3 * timeout }, async (t) => {
    const port = await freePort();
    start(t, ...how(port));
    await reached(`http://127.0.0.1:${port}`);
    const bench = async (scenario, ...args) => {
      const p = start(t, binary, ['bench', scenario, ...args, '--host', `127.0.0.1:${port}`, '--format', 'json']);
      assert.equal(await p.ended, 0, p.err);
      const [{ metrics }] = JSON.parse(p.out).results;
      for (const wrong of ['lost', 'duplicated', 'refused']) assert.ok(!metrics.find((m) => m.name === wrong)?.value, `${scenario}: ${wrong} in\n${p.out}`);
      return (metric) => metrics.find((m) => m.name === metric)?.value ?? assert.fail(`${scenario}: no ${metric} in\n${p.out}`);
    };
    const short = ['--warmup', '100ms', '--duration', '500ms'];
    const still = ['--sockets', '20', '--settle', '100ms', '--hold', '100ms'];
    for (const [result, metric] of [
      [await bench('idle', ...still), 'connected and subscribed'],
      [await bench('tls', '--plain', ...still), 'connected and subscribed'], // without TLS, which a proxy in front would terminate
      [await bench('idle', '--ping', '100ms', '--sockets', '20', '--settle', '100ms', '--hold', '1s'), 'pings answered'],
      [await bench('fanout', '--sockets', '20', ...short), 'deliveries'],
      [await bench('fanout', '--sockets', '20', '--channels', '10', '--to', '5', ...short), 'deliveries'],
      [await bench('fanout', '--sockets', '20', '--channels', '10', '--batch', '10', ...short), 'deliveries'],
      [await bench('trigger', '--subscribers', '10', '--channels', '10', '--batch', '10', ...short), 'events'],
      [await bench('sweep', '--sockets', '20', '--rates', '20,40', '--rest', '100ms', ...short), 'deliveries'],
      [await bench('trigger', '--callers', '2', ...short), 'events'],
      [await bench('client-events', '--sockets', '4', '--room', '2', '--rate', '5', ...short), 'deliveries'],
      [await bench('churn', '--sockets', '20', '--waves', '1', '--rate', '10', '--after', '500ms'), 'connected and subscribed'],
      [await bench('presence', '--sockets', '10', '--room', '5'), 'member_added'],
      [await bench('presence', '--sockets', '10', '--room', '10', '--stay', '2', '--at-once'), 'member_removed'],
    ]) assert.ok(result(metric) > 0, metric);
  });
}
