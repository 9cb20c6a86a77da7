// The judges of the tests of failures: each thing that may not be is found.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connections, count, events, members, online, sayings, wentOffline } from '../support/judge.mjs';
import { inOrder, tell } from '../support/sink.mjs';

const subscribed = (...ids) => ({ event: 'pusher_internal:subscription_succeeded', channel: 'c', data: { presence: { ids } } });
const added = (id) => ({ event: 'pusher_internal:member_added', channel: 'c', data: { user_id: id } });
const removed = (id) => ({ event: 'pusher_internal:member_removed', channel: 'c', data: { user_id: id } });
const n = (...numbers) => numbers.map((data) => ({ event: 'n', channel: 'c', data }));
const says = (from, ...numbers) => numbers.map((k) => ({ event: 'client-said', channel: 'c', data: { from, tab: 1, n: k } }));
const watch = (name, ...ids) => ({ event: 'pusher_internal:watchlist_events', data: { events: [{ name, user_ids: ids }] } });

/** A connection over which these came, one each millisecond from 100 on. */
const heard = (...entries) => ({ alive: true, from: 99, entries: entries.flat().map((e, i) => ({ at: 100 + i, ...e })) });

test('a record is split at the ends of connections', () => {
  const log = [{ state: 'connecting' }, { state: 'connected', at: 1 }, { event: 'a' }, { error: 4200 }, { state: 'connecting', at: 2 }, { event: 'lost' },
    { state: 'connected', at: 3 }, { event: 'b' }];
  const [one, two] = connections(log);
  assert.deepEqual([one.from, one.to, one.alive, one.code, one.entries.length], [1, 2, false, 4200, 2]);
  assert.deepEqual([two.from, two.alive, two.entries], [3, true, [{ event: 'b' }]]);
});

test('members come and go by turns, and speak while they are there', () => {
  const { present, added: a, removed: r } = members(heard(subscribed('ann'), added('bob'), says('bob', 1), removed('ann'), removed('bob'), added('bob')), 'c');
  assert.deepEqual([[...present], a.get('bob'), r.get('bob'), r.get('ann')], [['bob'], 2, 1, 1]);
  assert.throws(() => members(heard(subscribed('ann'), added('ann')), 'c'), /added twice/);
  assert.throws(() => members(heard(subscribed('ann'), removed('bob')), 'c'), /was not there/);
  assert.throws(() => members(heard(subscribed('ann'), says('bob', 1), added('bob')), 'c'), /is not there/);
});

const published = (...numbers) => ({ name: 'n', accepted: numbers.map((k) => ({ n: k, began: k * 10, ended: k * 10 + 5 })), doubtful: [7] });

test('of events none lacks, comes twice, or in another order', () => {
  const sent = published(1, 2, 3, 8, 12);
  events(heard(subscribed(), n(2, 3, 7, 8, 12)), 'c', sent);
  events(heard(subscribed(), n(8, 7, 12)), 'c', sent); // what was in doubt may come late
  events({ ...heard(subscribed(), n(2, 3)), alive: false }, 'c', sent); // closed before the rest
  events(heard(subscribed(), n(2, 12)), 'c', sent, { missed: (e) => e.n === 3 || e.n === 8 });
  const fails = (numbers, why, alive = true) => assert.throws(() => events({ ...heard(subscribed(), n(...numbers)), alive }, 'c', sent), why);
  fails([2, 3, 8], /lacks/); // the last, on a connection that lives
  fails([2, 8, 12], /lacks/);
  fails([2, 8], /lacks/, false);
  fails([], /lacks/); // 12 began after the subscription
  fails([2, 3, 3, 8, 12], /twice/);
  fails([2, 8, 3, 12], /another order/);
  fails([2, 3, 4, 8, 12], /refused/);
});

test('of what others say nothing lacks, and nobody hears themselves', () => {
  const ann = { id: 'ann', tab: 1, sayings: [1, 2, 3].map((k) => ({ n: k, at: 50 * k })) };
  sayings(heard(subscribed('ann'), says('ann', 2, 3)), 'c', ann, {});
  sayings(heard(subscribed('ann'), says('ann', 3)), 'c', ann, { lossy: true });
  sayings(heard(subscribed('ann')), 'c', ann, { own: true });
  const over = (k, ...numbers) => says('ann', ...numbers).map((e) => ({ ...e, data: { ...e.data, over: k } }));
  sayings(heard(subscribed('ann'), over(2, 3), over(1, 2)), 'c', ann, {}); // of two connections
  assert.throws(() => sayings(heard(subscribed('ann'), over(2, 3, 2)), 'c', ann, {}), /order/);
  assert.throws(() => sayings(heard(subscribed('ann'), says('ann', 2)), 'c', ann, {}), /lacks/);
  assert.throws(() => sayings(heard(subscribed('ann'), says('ann', 1, 3)), 'c', ann, {}), /lacks/);
  assert.throws(() => sayings(heard(subscribed('ann'), says('ann', 2, 2, 3)), 'c', ann, { lossy: true }), /twice/);
  assert.throws(() => sayings(heard(subscribed('ann'), says('ann', 3, 2)), 'c', ann, { lossy: true }), /order/);
  assert.throws(() => sayings(heard(subscribed('ann'), says('ann', 1)), 'c', ann, { own: true }), /hears/);
});

test('those watched go online and offline by turns', () => {
  const c = heard(watch('online', 'ann'), watch('offline', 'bob'), watch('online', 'bob'), watch('offline', 'ann'));
  assert.deepEqual([online(c), wentOffline(c, 'ann'), wentOffline(c, 'bob')], [['bob'], 1, 0]);
  assert.throws(() => online(heard(watch('online', 'ann'), watch('online', 'ann'))), /twice/);
});

test('the last count of a channel is the one that holds', () => {
  const told = (k) => ({ event: 'pusher_internal:subscription_count', channel: 'c', data: { subscription_count: k } });
  assert.equal(count(heard(told(1), told(3), told(2)), 'c'), 2);
});

const hook = (name, user) => ({ name, channel: 'c', ...(user && { user_id: user }) });

test('webhooks alternate and end at the truth', () => {
  const all = [hook('channel_occupied'), hook('member_added', 'ann'), hook('member_removed', 'ann'), hook('member_added', 'bob')];
  const told = tell(all);
  assert.deepEqual([told.occupied, told.members, told.counts.member_added], [true, ['bob'], { ann: 1, bob: 1 }]);
  assert.deepEqual(tell([...all, hook('member_removed', 'bob'), hook('channel_vacated')]).members, []);
  assert.throws(() => tell([...all, hook('member_added', 'bob')]), /nothing new/);
  assert.throws(() => tell([...all, hook('member_removed', 'ann')]), /nothing new/);
  assert.throws(() => tell([hook('member_added', 'ann')]), /not occupied/);
  assert.throws(() => tell([...all, hook('channel_vacated')]), /has members/);
  assert.deepEqual(tell([...all, hook('member_added', 'bob')], { repeats: true }).members, ['bob']);
});

test('client events of webhooks come in order, once and all', () => {
  inOrder([1, 2, 3], [1, 2, 3]);
  inOrder([1, 3], [1, 2, 3], { lossy: true });
  inOrder([1, 2, 1, 2, 3], [1, 2, 3], { repeats: true });
  assert.throws(() => inOrder([1, 3], [1, 2, 3]), /lack/);
  assert.throws(() => inOrder([1, 2, 2, 3], [1, 2, 3]), /twice/);
  assert.throws(() => inOrder([2, 1, 3], [1, 2, 3]), /order/);
  assert.throws(() => inOrder([1, 2, 3, 4], [1, 2, 3]), /never sent/);
});
