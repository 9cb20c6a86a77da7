// clients/js with four versions of pusher-js, against a server that a test plays.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import vm from 'node:vm';
import { recover } from '../../clients/js/recovery.js';
import { until } from '../support/wait.mjs';
import { event, failed, Fake, succeeded } from './fake.mjs';
import { esm, script, scriptOf, sizeOf } from './forms.mjs';
import { versions } from './versions.mjs';

const require = createRequire(import.meta.url);

test('the form for script tags is the module', () => {
  assert.equal(script, scriptOf(esm));
  const page = vm.createContext({});
  vm.runInContext(script, page);
  assert.equal(vm.runInContext('typeof FanfareRecovery.recover', page), 'function');
});

test('each form has 1 KB at most, minified and gzipped', async (t) => {
  for (const [name, size] of [['module', await sizeOf(esm, true)], ['script', await sizeOf(script, false)]]) {
    t.diagnostic(`${name}: ${size} bytes`);
    assert.ok(size <= 1024, `${name} has ${size} bytes`);
  }
});

for (const [version, name] of Object.entries(versions)) {
  const Pusher = require(name);
  // In Node, the others give WebSockets up when two connections ended soon.
  const connections = version === '8.6' ? 5 : 2;

  // A client of a fake server, with what it got and which gaps it was told of.
  const open = async (t, options = {}) => {
    const fake = await Fake.open(t);
    const pusher = new Pusher('key', { cluster: 'any', wsHost: '127.0.0.1', wsPort: fake.port, forceTLS: false, enabledTransports: ['ws'], ...options });
    t.after(() => pusher.disconnect());
    const gaps = [];
    const recovery = recover(pusher, { onGap: (...gap) => gaps.push(gap) });
    const got = [];
    const listen = (channel) => pusher.subscribe(channel).bind('n', (n) => got.push(n));
    return { fake, pusher, recovery, gaps, got, listen };
  };

  test(`pusher-js ${version}: names the last serial and the socket that had it, over any number of connections`, async (t) => {
    const { fake, got, listen } = await open(t);
    listen('news');
    let link = await fake.link(1);
    assert.deepEqual(Object.keys(await link.asked('news')).sort(), ['auth', 'channel']); // channel_data is undefined
    link.say(succeeded('news', 'e-0'), event('news', 1, 'e-5'), event('news', 2, 'e-9'));
    await until('two events', () => got.length === 2);
    for (let n = 2; n <= connections; n++) {
      link.end();
      link = await fake.link(n);
      const asked = await link.asked('news');
      assert.equal(asked.recover, n === 2 ? 'e-9' : `e-1${n - 1}`);
      assert.equal(asked.recover_socket_id, `${n - 1}.${n - 1}`);
      link.say(succeeded('news', asked.recover), event('news', n + 1, `e-1${n}`));
      await until('one more', () => got.length === n + 1);
    }
    assert.deepEqual(got, Array.from({ length: connections + 1 }, (_, i) => i + 1));
  });

  test(`pusher-js ${version}: whoever saw no event recovers from the subscription`, async (t) => {
    const { fake, pusher, listen } = await open(t);
    listen('news');
    const link = await fake.link(1);
    await link.asked('news');
    link.say(succeeded('news', 'e-7'));
    await until('it is subscribed', () => pusher.channel('news').subscribed);
    link.end();
    const next = await fake.link(2);
    const asked = await next.asked('news');
    assert.deepEqual([asked.recover, asked.recover_socket_id], ['e-7', '1.1']);
    if (connections === 2) return;
    // Cut off before what was missed came: it is asked for again.
    next.say(succeeded('news', 'e-9'));
    await until('it is subscribed again', () => pusher.channel('news').subscribed);
    next.end();
    assert.equal((await (await fake.link(3)).asked('news')).recover, 'e-7');
  });

  test(`pusher-js ${version}: drops what it had, by serial; a new epoch begins anew`, async (t) => {
    const { fake, got, listen } = await open(t);
    listen('news');
    const link = await fake.link(1);
    await link.asked('news');
    link.say(succeeded('news', 'e-8'), event('news', 1, 'e-9'), event('news', 1, 'e-9'), event('news', 2, 'e-a'), event('news', 1, 'e-9'),
      event('news', 3, 'e-z'), event('news', 4, 'e-10'), event('news', 3, 'e-z'), event('news', 5, 'f-1'), event('news', 6, undefined));
    await until('the last', () => got.includes(6));
    assert.deepEqual(got, [1, 2, 3, 4, 5, 6]);
  });

  test(`pusher-js ${version}: a gap is told before the channel's next event, with its reason`, async (t) => {
    const { fake, pusher, gaps, got, listen } = await open(t);
    listen('news');
    pusher.channel('news').bind('n', () => got.push(`after ${gaps.length} gaps`));
    let link = await fake.link(1);
    await link.asked('news');
    link.say(succeeded('news', 'e-8'), event('news', 1, 'e-9'));
    await until('an event', () => got.length === 2);
    link.end();
    link = await fake.link(2);
    await link.asked('news');
    link.say(succeeded('news', 'f-3'), failed('news', 'epoch_changed'), event('news', 2, 'f-4'));
    await until('an event', () => got.length === 4);
    assert.deepEqual(gaps, [['news', 'epoch_changed']]);
    assert.deepEqual(got, [1, 'after 0 gaps', 2, 'after 1 gaps']);
    if (connections === 2) return;
    link.end();
    assert.equal((await (await fake.link(3)).asked('news')).recover, 'f-4');
  });

  test(`pusher-js ${version}: a page that unsubscribes and subscribes again starts anew`, async (t) => {
    const { fake, pusher, got, listen } = await open(t);
    listen('news');
    const link = await fake.link(1);
    await link.asked('news');
    link.say(succeeded('news', 'e-8'), event('news', 1, 'e-9'));
    await until('an event', () => got.length === 1);
    pusher.unsubscribe('news');
    listen('news');
    assert.equal('recover' in await link.asked('news', 2), false);
    // What was on its way when the page unsubscribed, then the rewind.
    link.say(event('news', 3, 'e-b'), succeeded('news', 'e-8'), event('news', 1, 'e-9'), event('news', 2, 'e-a'), event('news', 3, 'e-b'));
    await until('the last', () => got.includes(3));
    await link.settled();
    assert.deepEqual(got, [1, 1, 2, 3]);

    // Without a connection, too.
    pusher.disconnect();
    pusher.unsubscribe('news');
    listen('news');
    pusher.connect();
    assert.equal('recover' in await (await fake.link(2)).asked('news'), false);
  });

  test(`pusher-js ${version}: what a connection brings that was given up is not taken for had`, async (t) => {
    const { fake, pusher, got, listen } = await open(t, { activityTimeout: 100, pongTimeout: 100 });
    listen('news');
    const link = await fake.link(1);
    await link.asked('news');
    const transport = await until('a connection', () => pusher.connection.connection?.transport);
    link.say(succeeded('news', 'e-8'), event('news', 1, 'e-9'));
    // Nobody answers its pings, so it connects again.
    const next = await fake.link(2);
    transport.emit('message', { data: JSON.stringify(event('news', 2, 'e-a')) });
    assert.equal((await next.asked('news')).recover, 'e-9');
    next.say(succeeded('news', 'e-9'), event('news', 2, 'e-a'));
    await until('the event', () => got.includes(2));
    assert.deepEqual(got, [1, 2]);
  });

  test(`pusher-js ${version}: messages that are none, and servers without history, change nothing`, async (t) => {
    const { fake, pusher, gaps, got, listen } = await open(t);
    const errors = [];
    pusher.connection.bind('error', (err) => errors.push(err.type));
    listen('news');
    let link = await fake.link(1);
    await link.asked('news');
    link.say(succeeded('news'), '{"serial"', event('elsewhere', 9, 'e-9'), { event: 'n', data: '9', serial: 'e-1' }, event('news', 1));
    await until('an event', () => got.length === 1);
    assert.deepEqual(errors, ['MessageParseError']);
    link.end();
    link = await fake.link(2);
    assert.equal('recover' in await link.asked('news'), false);
    assert.deepEqual(gaps, []);
  });

  test(`pusher-js ${version}: it may begin late, and ends with stop`, async (t) => {
    const fake = await Fake.open(t);
    const pusher = new Pusher('key', { cluster: 'any', wsHost: '127.0.0.1', wsPort: fake.port, forceTLS: false, enabledTransports: ['ws'] });
    t.after(() => pusher.disconnect());
    const got = [];
    let recovery;
    pusher.connection.bind('connected', () => (recovery ??= recover(pusher))); // while pusher-js tells that it is connected
    pusher.subscribe('news').bind('n', (n) => got.push(n));
    let link = await fake.link(1);
    await link.asked('news');
    link.say(succeeded('news', 'e-0'), event('news', 1, 'e-1'), event('news', 1, 'e-1'));
    await until('an event', () => got.length > 0);
    await link.settled();
    assert.deepEqual(got, [1]);
    recovery.stop();
    link.say(event('news', 1, 'e-1'));
    await until('the repeated event', () => got.length === 2);
    link.end();
    link = await fake.link(2);
    assert.equal('recover' in await link.asked('news'), false);
    link.say(succeeded('news', 'e-1'), event('news', 1, 'e-1'));
    await until('the repeated event', () => got.length === 3);
  });
}
