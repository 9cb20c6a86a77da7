// Measures fanfare and its peers with the same client in one run, alternately, and
// prints a Markdown table of medians. It needs bin/fanfare. Environment variables:
//   ROWS    names of rows (rows.mjs), separated by commas; if it is unset, all rows and the picture
//   PEERS   servers other than fanfare, separated by commas: soketi, centrifugo, other; or none
//   ROUNDS  rounds of each row; 3 by default
//   QUICK   1 makes scenarios small and short, to test that they work; the figures mean nothing
//   OTHER, OTHER_TITLE, OTHER_PORT  a further server (servers.mjs)
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rows } from './rows.mjs';
import { binary, defineServers } from './servers.mjs';

const list = (text) => text.split(',').map((s) => s.trim()).filter(Boolean);
const rounds = Number(process.env.ROUNDS || 3);
const quick = process.env.QUICK === '1';
const folder = mkdtempSync(join(tmpdir(), 'fanfare-peers-'));
const { servers, run: withServer } = defineServers(folder);
const wanted = list(process.env.ROWS || Object.keys(rows).join());
const against = list(process.env.PEERS || 'soketi,centrifugo,other').filter((name) => name !== 'none' && (name !== 'other' || servers.other));
for (const name of wanted) if (!rows[name]) throw new Error(`no row is called ${name}; there are ${Object.keys(rows).join(', ')}`);
for (const name of against) if (!servers[name]) throw new Error(`no server is called ${name}`);

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

// small reduces the numbers and times of a scenario.
const small = (args) => args.replace(/--(sockets|subscribers|room) (\d+)/g, (_, name, n) => `--${name} ${Math.min(n, 100)}`)
  .replace(/--channels (\d+)/, (_, n) => `--channels ${Math.min(n, 100)}`).replace(/--rate (\d+)/, (_, n) => `--rate ${Math.min(n, 100)}`)
  .replace(/--(settle|hold|duration) \S+/g, '--$1 300ms').replace(/^(fanout|trigger|client-events|bare)(?!.*--duration)/, '$1 --warmup 200ms --duration 300ms')
  .replace(/^churn/, 'churn --sockets 100 --waves 1 --after 300ms').replace(/--never-read 10/, '--never-read 2');

async function bench(args) {
  const { stdout } = await run(binary, ['bench', ...args, '--format', 'json'], { timeout: 240_000, maxBuffer: 64 << 20 });
  return stdout;
}

async function measure(name, args, tls, read = metricsOf) {
  const words = (quick ? small(args) : args).split(' ');
  try {
    if (name === 'bare') return read(await bench(words)); // bench starts the bare loop itself
    return await withServer(name, tls, async (more) => read(await bench([...words, ...more])));
  } catch (err) {
    process.stderr.write(`${name} ${args}: ${(err.stderr || err.message).trim().split('\n').slice(-1)[0]}\n`);
    return null;
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (value, unit) => (value === undefined ? '–' : `${Number(value.toPrecision(4)).toLocaleString('en')}${unit.startsWith('/') ? '' : ' '}${unit}`);
const cells = (...parts) => console.log(`| ${parts.join(' | ')} |`);

cells('workload', 'metric', ...against.map((name) => servers[name].title), 'fanfare', 'to the best peer', 'bare loop', 'goal', '');
console.log(`|${'---|'.repeat(against.length + 7)}`);
const wrong = {};
const missed = [];

// measured runs a row once with each server that supports it. Rounds after the
// first ROUNDS run fanfare only.
async function measured(row, round, found) {
  const who = row.who.filter((name) => name === 'fanfare' || against.includes(name));
  const runners = round >= rounds ? ['fanfare'] : row.bare ? [...who, 'bare'] : who;
  for (const name of round % 2 ? runners.toReversed() : runners) {
    const result = await measure(name, name === 'bare' ? row.bare : row.args, row.tls);
    if (!result) continue;
    (found[name] ??= []).push(result);
    wrong[name] = (wrong[name] ?? 0) + (result.lost ?? 0) + (result.duplicated ?? 0) + (result.reordered ?? 0);
  }
}

// tell prints the lines of a row and returns fanfare's medians.
function tell(row, found, before, first) {
  const m = Object.fromEntries(Object.entries(found).map(([name, results]) => [name, row.metrics.map((metric) => median(results.map((r) => r[metric])))]));
  let reached; // undefined if a server that it is compared with was not measured
  try {
    reached = m.fanfare && row.met(m, before, first);
  } catch { /* a peer is missing: not compared */ }
  const verdict = reached === undefined ? 'not compared' : reached ? 'reached' : 'not reached';
  if (row.target && reached === false) missed.push(`${row.title}: ${m.fanfare && row.why && (m.bare || !row.bare) ? row.why(m.fanfare, m.bare) : 'see docs/performance.md'}`);
  row.metrics.forEach((metric, i) => {
    const unit = units[metric] ?? '';
    const others = against.map((name) => m[name]?.[i]).filter((v) => v !== undefined);
    const best = unit === '/s' ? Math.max(...others) : Math.min(...others);
    const ratio = others.length && best > 0 && m.fanfare?.[i] !== undefined ? `${(m.fanfare[i] / best).toFixed(2)}×` : '–';
    cells(i ? '' : row.title, metric, ...[...against, 'fanfare'].map((name) => shown(m[name]?.[i], unit)), ratio,
      row.bare ? shown(m.bare?.[i], unit) : '', i ? '' : row.target, i || !row.target ? '' : verdict);
  });
  return m.fanfare;
}

for (const name of wanted) {
  const group = rows[name].map((row) => ({ row, found: {} }));
  for (let round = 0; round < (name === 'never-read' ? 2 * rounds + 1 : rounds); round++) {
    for (const { row, found } of group) await measured(row, round, found);
  }
  let first;
  group.reduce((before, { row, found }) => {
    const medians = tell(row, found, before, first);
    first ??= medians;
    return medians;
  }, undefined);
}
for (const line of missed) console.log(`\nNot reached: ${line}.`);
console.log(`\nLost, duplicated or reordered in all rounds: ${Object.entries(wrong).filter(([name]) => name !== 'bare').map(([name, n]) => `${name} ${n}`).join(', ')}.`);

// Latency against load, in one picture.
if (!process.env.ROWS) {
  const sweeps = [];
  for (const name of ['soketi', 'fanfare']) {
    if (name !== 'fanfare' && !against.includes(name)) continue;
    const rates = name === 'soketi' ? '10,20,50,80,100,120' : '10,20,50,100,150,200,500,1000,2000';
    const document = await measure(name, `sweep --sockets 1000 --duration 3s --rates ${rates}`, false, (json) => json);
    if (!document) continue;
    writeFileSync(join(folder, `${name}.json`), document);
    sweeps.push(`${name}=${join(folder, `${name}.json`)}`);
  }
  const picture = process.env.PICTURE ?? 'latency.svg';
  await run(binary, ['bench', 'plot', '--svg', picture, '--title', 'Latency of one channel of 1,000 sockets, 200 bytes', ...sweeps]);
  console.log(`Latency against load is drawn in ${picture}.`);
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = wrong.fanfare ? 1 : 0;
