// Measures fanfare and soketi with the same client in one run, by turns, and
// prints a table of medians. Usage: node run.mjs [rounds] ; needs bin/fanfare.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const binary = join(here, '../../bin/fanfare');
const rounds = Number(process.argv[2] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'fanfare-peers-'));

// Both serve the default app. Counts go to subscribers in fanfare alone, so
// they are off: the load is to be the same.
const config = join(folder, 'config.yaml');
writeFileSync(config, JSON.stringify({
  listen: '127.0.0.1:6401', metrics: { listen: '' },
  apps: [{ id: 'app-id', key: 'app-key', secret: 'app-secret', subscription_count: false,
    limits: { client_events_per_second: 0, max_presence_members: 0 } }],
}));
const servers = {
  fanfare: { port: 6401, start: () => spawn(binary, ['serve', '--config', config], { stdio: 'ignore' }) },
  soketi: {
    port: 6402,
    start: () => spawn(process.execPath, [join(here, 'node_modules/@soketi/soketi/bin/server.js'), 'start'], {
      stdio: 'ignore',
      env: { ...process.env, SOKETI_HOST: '127.0.0.1', SOKETI_PORT: '6402', SOKETI_METRICS_ENABLED: '0',
        SOKETI_DEFAULT_APP_ID: 'app-id', SOKETI_DEFAULT_APP_KEY: 'app-key', SOKETI_DEFAULT_APP_SECRET: 'app-secret',
        SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: '1' },
    }),
  },
};

// Each row: what it is called, the bench's arguments, the metrics shown, the
// target as a test of fanfare's medians (f), soketi's (s), those of the row
// above and the bare loop's (b), and the target in words; then the servers that
// can do it, the bare loop's arguments, and why the target may be out of reach.
const perMillion = 'server CPU per million';
const both = ['soketi', 'fanfare'];
const workloads = [
  ['idle, 15,000 on one channel', 'idle --sockets 15000 --settle 3s --hold 3s', ['memory per socket', 'connected and subscribed'], (f) => f[0] <= 1536 && f[1] >= 10_000, '≤ 1,536 B, ≥ 10,000/s'],
  ['idle, 15,000 on 1,000 channels', 'idle --sockets 15000 --channels 1000 --settle 3s --hold 3s', ['memory per socket', 'connected and subscribed'], (f) => f[1] >= 10_000, '≥ 10,000/s'],
  ['one event at a time, 1,000 sockets', 'fanout --sockets 1000', ['deliveries', perMillion], (f, s, _, b) => f[0] >= 2 * s[0] && f[0] >= 0.85 * b[0] && f[1] <= 4.5, '≥ 2×, ≥ 85 % of bare, ≤ 4.5 CPU-s', both, 'bare --sockets 1000',
    (f, b) => `the bare loop's writes alone take ${b[1].toFixed(2)} CPU-s`],
  ['one event at a time, 10,000 sockets', 'fanout --sockets 10000', ['deliveries', 'latency p99'], (f, s) => f[0] >= 2 * s[0] && f[1] <= 50, '≥ 2×, p99 ≤ 50 ms', both, 'bare --sockets 10000',
    (f, b) => `the bare loop itself writes ${Math.round(b[0]).toLocaleString('en')} frames a second, the last of 10,000 after ${(1e7 / b[0]).toFixed(0)} ms`],
  ['1,000 sockets × 200/s', 'fanout --sockets 1000 --rate 200 --callers 16', ['latency p99', perMillion], (f) => f[0] <= 15 && f[1] <= 4.5, 'p99 ≤ 15 ms, ≤ 4.5 CPU-s', both, '',
    () => 'most events are alone, and a write for each takes what the bare loop takes above'],
  ['1,000 sockets × 500/s', 'fanout --sockets 1000 --rate 500 --callers 16', ['latency p99', perMillion], (f) => f[0] <= 20 && f[1] <= 2.5, 'p99 ≤ 20 ms, ≤ 2.5 CPU-s', ['fanfare']],
  ['1,000 sockets × 1,000/s', 'fanout --sockets 1000 --rate 1000 --callers 16', ['latency p99', perMillion], (f) => f[0] <= 30 && f[1] <= 1.6, 'p99 ≤ 30 ms, ≤ 1.6 CPU-s', ['fanfare']],
  ['1,000 sockets × 2,000/s', 'fanout --sockets 1000 --rate 2000 --callers 16', ['latency p99', perMillion], (f) => f[0] <= 60, 'p99 ≤ 60 ms', ['fanfare']],
  ['HTTP triggers, 16 callers', 'trigger', ['events', 'answered p99'], (f, s) => f[0] >= 2 * s[0], '≥ 2×'],
  ['50 channels × 20 sockets, 2,000/s', 'fanout --sockets 1000 --channels 50 --rate 2000 --callers 16', ['latency p99', perMillion], (f) => f[0] <= 2 && f[1] <= 6, 'p99 ≤ 2 ms, ≤ 6 CPU-s', both, '',
    (f) => `each event wakes two loops and the client for ten writes each: ${(f[1] * 20).toFixed(0)} µs an event, request and answer included`],
  ['10,000 sockets vanish at once', 'churn', ['answered, others vanishing p99', 'channels empty after'], (f) => f[0] <= 50, 'triggers\' p99 ≤ 50 ms'],
  [
    ['1,000 sockets, 5 KB × 100/s', 'fanout --sockets 990 --size 5000 --rate 100 --duration 10s', ['latency p99', 'server memory peak'], () => true, ''],
    ['the same, 10 more never read', 'fanout --sockets 990 --never-read 10 --size 5000 --rate 100 --duration 10s', ['latency p99', 'server memory peak'], (f, s, before) => f[0] <= 1.2 * before[0] && f[1] <= before[1] + 21, 'p99 within 20 %, ≤ 21 MB more'],
  ],
  ['15,000 idle sockets, a ping each in 120 s', 'idle --sockets 15000 --settle 1s --hold 20s --ping 120s', ['server CPU'], (f) => f[0] <= 0.01, '≤ 0.01 cores', both, '',
    (f) => `125 pings a second, each of which wakes a loop: ${(f[0] * 1e6 / 125).toFixed(0)} µs each, nearly all of it the kernel's and the Go scheduler's going to sleep and waking up`],
  ['rooms of 10, client events, 1,000 sockets', 'client-events --sockets 1000', ['deliveries', perMillion], (f, s) => f[0] >= 1.8 * s[0] && f[1] <= 7, '≥ 1.8×, ≤ 7 CPU-s'],
];

const run = promisify(execFile);
const units = {};

function metricsOf(json) {
  const found = {};
  for (const m of JSON.parse(json).results[0].metrics) {
    found[m.name] = m.value;
    units[m.name] = m.unit;
  }
  return found;
}

async function bench(...args) {
  const { stdout } = await run(binary, ['bench', ...args, '--format', 'json'], { timeout: 240_000, maxBuffer: 64 << 20 });
  return stdout;
}

async function measure(name, args, read = metricsOf) {
  if (name === 'bare') return read(await bench(...args.split(' '))); // a writer that it starts itself
  const server = servers[name];
  const child = server.start();
  try {
    await until(() => fetch(`http://127.0.0.1:${server.port}/`).then(() => true, () => false));
    return read(await bench(...args.split(' '), '--host', `127.0.0.1:${server.port}`, '--pid', String(child.pid)));
  } catch (err) {
    process.stderr.write(`${name} ${args}: ${err.message.split('\n')[0]}\n`);
    return null;
  } finally {
    child.kill('SIGKILL');
    await new Promise((done) => (child.exitCode === null && child.signalCode === null ? child.once('exit', done) : done()));
  }
}

async function until(ready) {
  const end = Date.now() + 20_000;
  while (!(await ready())) {
    if (Date.now() > end) throw new Error('the server did not start');
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (value, unit) => (value === undefined ? '–' : `${Number(value.toPrecision(4)).toLocaleString('en')}${unit.startsWith('/') ? '' : ' '}${unit}`);

console.log('| workload | metric | soketi 1.6.1 | fanfare | ratio | bare loop | target | |\n|---|---|---|---|---|---|---|---|');
let wrong = 0;
const missed = [];

// measured runs a workload once with each of those that can do it, in rounds
// beyond the usual with fanfare alone.
async function measured([, args, , , , who = both, bare = ''], round, found) {
  const runners = round >= rounds ? ['fanfare'] : bare ? [...who, 'bare'] : who;
  for (const name of round % 2 ? runners.toReversed() : runners) {
    const result = await measure(name, name === 'bare' ? bare : args);
    if (result) found[name].push(result);
  }
}

// tell prints a workload's lines and returns fanfare's medians; before are those
// of the row above.
function tell([title, , metrics, met, target, , bare = '', why = () => 'see docs/performance.md'], found, before) {
  for (const r of found.fanfare) wrong += (r.lost ?? 0) + (r.duplicated ?? 0) + (r.reordered ?? 0);
  const of = (name) => metrics.map((m) => (found[name].length ? median(found[name].map((r) => r[m])) : undefined));
  const [s, f, b] = [of('soketi'), of('fanfare'), of('bare')];
  const reached = met(f, s, before, b);
  if (!reached) missed.push(`${title}: ${f[0] === undefined ? 'not measured' : why(f, b)}`);
  metrics.forEach((m, i) => {
    const ratio = s[i] && f[i] ? `${(f[i] / s[i]).toFixed(2)}×` : '–';
    const verdict = i > 0 ? '' : reached ? 'met' : 'NOT met';
    const cells = [i ? '' : title, m, shown(s[i], units[m] ?? ''), shown(f[i], units[m] ?? ''), ratio, bare ? shown(b[i], units[m] ?? '') : '', i ? '' : target, verdict];
    console.log(`| ${cells.join(' | ')} |`);
  });
  return f;
}

for (const workload of workloads) {
  const rows = (Array.isArray(workload[0]) ? workload : [workload]).map((row) => ({ row, found: { soketi: [], fanfare: [], bare: [] } }));
  for (let round = 0; round < (rows.length > 1 ? 2 * rounds + 1 : rounds); round++) {
    for (const { row, found } of rows) await measured(row, round, found);
  }
  rows.reduce((before, { row, found }) => tell(row, found, before), undefined);
}
for (const line of missed) console.log(`\nNot met: ${line}.`);
console.log(`\nLost, duplicated or reordered by fanfare in all rounds: ${wrong}.`);

// Latency against load, in one picture.
const sweeps = [];
for (const name of ['soketi', 'fanfare']) {
  const rates = name === 'soketi' ? '10,20,50,80,100,120' : '10,20,50,100,150,200,500,1000,2000';
  const document = await measure(name, `sweep --sockets 1000 --duration 3s --rates ${rates}`, (json) => json);
  if (!document) continue;
  writeFileSync(join(folder, `${name}.json`), document);
  sweeps.push(`${name}=${join(folder, `${name}.json`)}`);
}
const picture = process.env.PICTURE ?? 'latency.svg';
await run(binary, ['bench', 'plot', '--svg', picture, '--title', 'Latency of one channel of 1,000 sockets, 200 bytes', ...sweeps]);
console.log(`Latency against load is drawn in ${picture}.`);
rmSync(folder, { recursive: true, force: true });
process.exitCode = wrong ? 1 : 0;
