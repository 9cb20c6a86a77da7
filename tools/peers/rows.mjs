// The rows of the table, by name. A row has
//   title, args    its name, and the arguments of bench
//   metrics        the metrics that are shown; the first decides which peer is best
//   met            function that tests the target. Its arguments are the medians by
//                  server (fanfare, soketi, centrifugo, other, bare), and fanfare's
//                  medians in the row above
//   target         the target in words
//   who            the servers that support it
//   bare           the arguments of bench for the bare loop
//   why            function of fanfare's and the bare loop's medians that explains
//                  why the target may be out of reach
//   tls            true to measure over TLS
// Each round runs all rows of a group.
const perMillion = 'server CPU per million';
const everyone = ['soketi', 'centrifugo', 'other', 'fanfare'];
const pusher = ['soketi', 'other', 'fanfare'];
const alone = ['fanfare'];
const still = '--settle 3s --hold 3s';

// peers returns the values of a metric for the peers that were measured. Without
// any, the target cannot be tested.
const peers = (m, i) => {
  const values = ['soketi', 'centrifugo', 'other'].map((name) => m[name]?.[i]).filter((v) => v !== undefined);
  if (!values.length) throw new Error('no peer was measured');
  return values;
};
const above = (m, factor) => peers(m, 0).every((v) => m.fanfare[0] >= factor * v);
const below = (m, i) => peers(m, i).every((v) => m.fanfare[i] <= v);

const last = ['joining, the last one told after', 'leaving, the last one told after', 'server CPU in all', 'bytes received'];

const row = (title, args, metrics, target, met, more = {}) => ({ title, args, metrics, target, met, who: everyone, ...more });

export const rows = {
  idle: [row('idle, 15,000 on one channel', `idle --sockets 15000 ${still}`, ['memory per socket', 'connected and subscribed'], '≤ 1,536 B, ≥ 10,000/s', ({ fanfare: f }) => f[0] <= 1536 && f[1] >= 10_000)],
  'idle-channels': [row('idle, 15,000 on 1,000 channels', `idle --sockets 15000 --channels 1000 ${still}`, ['memory per socket', 'connected and subscribed'], '≥ 10,000/s', ({ fanfare: f }) => f[1] >= 10_000)],
  'fanout-1000': [row('one event at a time, 1,000 sockets', 'fanout --sockets 1000', ['deliveries', perMillion], '≥ 2× soketi, ≥ 85 % of bare, ≤ 4.5 CPU-s',
    ({ fanfare: f, soketi: s, bare: b }) => f[0] >= 2 * s[0] && f[0] >= 0.85 * b[0] && f[1] <= 4.5,
    { bare: 'bare --sockets 1000', why: (f, b) => `the bare loop's writes alone take ${b[1].toFixed(2)} CPU-s` })],
  'fanout-10000': [row('one event at a time, 10,000 sockets', 'fanout --sockets 10000', ['latency p99', 'deliveries'], 'p99 ≤ 0.7 × the bare loop\'s', ({ fanfare: f, bare: b }) => f[0] <= 0.7 * b[0],
    { bare: 'bare --sockets 10000', why: (f, b) => `the bare loop itself writes ${Math.round(b[1]).toLocaleString('en')} frames a second, the last of 10,000 after ${(1e7 / b[1]).toFixed(0)} ms` })],
  'rate-200': [row('1,000 sockets × 200/s', 'fanout --sockets 1000 --rate 200 --callers 16', ['latency p99', perMillion], 'p99 ≤ 15 ms, ≤ 4.5 CPU-s', ({ fanfare: f }) => f[0] <= 15 && f[1] <= 4.5,
    { why: () => 'most events are alone, and a write for each takes what the bare loop takes above' })],
  'rate-500': [row('1,000 sockets × 500/s', 'fanout --sockets 1000 --rate 500 --callers 16', ['latency p99', perMillion], 'p99 ≤ 20 ms, ≤ 2.5 CPU-s', ({ fanfare: f }) => f[0] <= 20 && f[1] <= 2.5, { who: alone })],
  'rate-1000': [row('1,000 sockets × 1,000/s', 'fanout --sockets 1000 --rate 1000 --callers 16', ['latency p99', perMillion], 'p99 ≤ 30 ms, ≤ 1.6 CPU-s', ({ fanfare: f }) => f[0] <= 30 && f[1] <= 1.6, { who: alone })],
  'rate-2000': [row('1,000 sockets × 2,000/s', 'fanout --sockets 1000 --rate 2000 --callers 16', ['latency p99', perMillion], 'p99 ≤ 60 ms', ({ fanfare: f }) => f[0] <= 60, { who: alone })],
  'rate-4000': [row('1,000 sockets × 4,000/s', 'fanout --sockets 1000 --rate 4000 --callers 64', ['latency p99', 'events', perMillion], 'p99 ≤ 60 ms, all of them', ({ fanfare: f }) => f[0] <= 60 && f[1] >= 3960, { who: alone })],
  trigger: [row('HTTP triggers, 16 callers', 'trigger', ['events', 'answered p99'], '≥ 2× soketi', ({ fanfare: f, soketi: s }) => f[0] >= 2 * s[0])],
  'channels-50': [row('50 channels × 20 sockets, 2,000/s', 'fanout --sockets 1000 --channels 50 --rate 2000 --callers 16', ['latency p99', perMillion], 'p99 ≤ 2 ms, ≤ 5.5 CPU-s', ({ fanfare: f }) => f[0] <= 2 && f[1] <= 5.5,
    { why: (f) => `each event wakes two loops and the client for ten writes each: ${(f[1] * 20).toFixed(0)} µs an event, request and answer included` })],
  churn: [row('10,000 sockets disconnect at once', 'churn', ['answered, others vanishing p99', 'channels empty after'], 'triggers\' p99 ≤ 50 ms', ({ fanfare: f }) => f[0] <= 50, { who: pusher })],
  'never-read': [
    row('1,000 sockets, 5 KB × 100/s', 'fanout --sockets 990 --size 5000 --rate 100 --duration 10s', ['latency p99', 'server memory peak'], '', () => true, { who: pusher }),
    row('the same, 10 more never read', 'fanout --sockets 990 --never-read 10 --size 5000 --rate 100 --duration 10s', ['latency p99', 'server memory peak'], 'p99 within 20 %, ≤ 21 MB more',
      ({ fanfare: f }, before) => f[0] <= 1.2 * before[0] && f[1] <= before[1] + 21, { who: pusher }),
  ],
  'pings-120': [row('15,000 idle sockets, a ping each in 120 s', 'idle --sockets 15000 --settle 1s --hold 20s --ping 120s', ['server CPU'], '≤ 0.01 cores', ({ fanfare: f }) => f[0] <= 0.01,
    { who: pusher, why: (f) => `125 pings a second, each of which wakes a loop: ${(f[0] * 1e6 / 125).toFixed(0)} µs each, nearly all of it the kernel's and the Go scheduler's going to sleep and waking up` })],
  'pings-30': [row('15,000 idle sockets, a ping each in 30 s', 'idle --sockets 15000 --channels 1000 --settle 1s --hold 20s --ping 30s', ['server CPU', 'pings answered'], '≤ 0.03 cores, below each peer', (m) => m.fanfare[0] <= 0.03 && below(m, 0),
    { why: (f) => `500 pings a second take ${(f[0] * 1e6 / 500).toFixed(0)} µs each, most of it waking up` })],
  rooms: [row('rooms of 10, client events, 1,000 sockets', 'client-events --sockets 1000', ['deliveries', perMillion], '≥ 1.8× soketi, ≤ 7 CPU-s', ({ fanfare: f, soketi: s }) => f[0] >= 1.8 * s[0] && f[1] <= 7, { who: pusher })],
  presence: [row('presence: 1,000 members join one channel at once, 990 leave', 'presence --sockets 1000 --room 1000 --stay 10 --at-once', last, 'below each peer', (m) => last.every((_, i) => below(m, i)))],
  http: [
    row('10,000 sockets on 100 channels, 500 events/s', 'fanout --sockets 10000 --channels 100 --rate 500 --callers 16', [perMillion, 'latency p99'], '', () => true, { who: alone }),
    row('the same, HTTP streams', 'fanout --sockets 10000 --channels 100 --rate 500 --callers 16 --transport streaming', [perMillion, 'latency p99'], '≤ 2 × the CPU of WebSockets', ({ fanfare: f }, before) => f[0] <= 2 * before[0], { who: alone }),
  ],
  'http-deliveries': [
    row('10,000 sockets on 100 channels, one event at a time', 'fanout --sockets 10000 --channels 100', ['deliveries', perMillion], '', () => true, { who: alone }),
    row('the same, HTTP streams', 'fanout --sockets 10000 --channels 100 --transport streaming', ['deliveries', perMillion], '≥ 50 % of WebSocket\'s', ({ fanfare: f }, before) => f[0] >= before[0] / 2, { who: alone }),
    row('the same, HTTP polls', 'fanout --sockets 10000 --channels 100 --transport polling', ['deliveries', perMillion], '≥ 50 % of WebSocket\'s', ({ fanfare: f }, before, first) => f[0] >= first[0] / 2, { who: alone }),
  ],
  streams: [row('10,000 HTTP streams that wait', `idle --sockets 10000 --transport streaming ${still}`, ['memory per socket', 'connected and subscribed'], '≤ 6,144 B', ({ fanfare: f }) => f[0] <= 6144, { who: alone })],
  polls: [row('10,000 HTTP polls that wait', `idle --sockets 10000 --transport polling ${still}`, ['memory per socket', 'connected and subscribed'], '≤ 6,144 B', ({ fanfare: f }) => f[0] <= 6144, { who: alone })],
  'to-100': [row('one event to 100 channels, 1,000 sockets', 'fanout --sockets 1000 --channels 100 --to 100', ['deliveries', perMillion], '≥ 1.5× each peer', (m) => above(m, 1.5))],
  batches: [row('batches of 10 events, 100 subscribers', 'trigger --channels 100 --subscribers 100 --batch 10', ['events', perMillion, 'answered p99'], '≥ 1.5× each peer', (m) => above(m, 1.5))],
  'size-5000': [row('5 KB events, one at a time, 1,000 sockets', 'fanout --sockets 1000 --size 5000', ['deliveries', perMillion], '≥ 1.5× each peer', (m) => above(m, 1.5))],
  'channels-10000': [row('10,000 channels with a subscriber each', 'trigger --channels 10000 --subscribers 10000', ['events', perMillion, 'latency p99'], '≥ 1.5× each peer', (m) => above(m, 1.5))],
  'tls-idle': [row('5,000 idle sockets over TLS, full handshakes', `idle --sockets 5000 ${still}`, ['memory per socket', 'connected and subscribed', 'server CPU per socket opened'], '≤ 8,192 B', ({ fanfare: f }) => f[0] <= 8192, { tls: true })],
  'tls-resumed': [
    row('5,000 sockets over TLS, full handshakes', 'idle --sockets 5000 --settle 10ms --hold 100ms', ['connected and subscribed', 'server CPU per socket opened'], '', () => true, { tls: true }),
    row('the same, resumed sessions', 'idle --sockets 5000 --settle 10ms --hold 100ms --resume', ['connected and subscribed', 'server CPU per socket opened'], '≥ 2 × full handshakes', ({ fanfare: f }, before) => f[0] >= 2 * before[0], { tls: true }),
  ],
  'tls-fanout': [
    row('one event at a time, 1,000 sockets, plain', 'fanout --sockets 1000', ['deliveries', perMillion], '', () => true),
    row('the same over TLS', 'fanout --sockets 1000', ['deliveries', perMillion], '≥ 60 % of plain', ({ fanfare: f }, before) => f[0] >= 0.6 * before[0], { tls: true }),
  ],
};
