// What somebody heard over a connection, held against what may be heard. A
// record is a list of { at, state }, { at, error } and { at, event, channel, data }.
import assert from 'node:assert/strict';

/**
 * The connections of a record, each with what came over it. `alive` is the one
 * that still is, `code` is why another ended, if the server said it.
 */
export function connections(log) {
  const all = [];
  let current;
  for (const entry of log) {
    if (entry.state === 'connected') {
      current = { from: entry.at, entries: [], alive: true };
      all.push(current);
    } else if (entry.state && current) {
      current.alive = false;
      current.to = entry.at;
      current = undefined;
    } else if (current) {
      current.entries.push(entry);
      if (entry.error) current.code = entry.error;
    }
  }
  return all;
}

const succeeded = 'pusher_internal:subscription_succeeded';

/** When the server confirmed a subscription, or the sign-in for the events of a user. */
const since = ({ entries }, channel) =>
  entries.find((e) => (e.event === succeeded && e.channel === channel)
    || (e.event === 'pusher:signin_success' && channel.startsWith('#')))?.at;

/**
 * Each member is added and removed by turns, and speaks only while there.
 * Returns who is present, and how often each was added and removed.
 */
export function members({ entries }, channel) {
  const present = new Set();
  const added = new Map();
  const removed = new Map();
  const count = (of, id) => of.set(id, (of.get(id) ?? 0) + 1);
  const fail = (what) => assert.fail(`${what}: ${JSON.stringify(brief(entries, channel))}`);
  for (const { event, data, channel: on } of entries) {
    if (on !== channel) continue;
    if (event === succeeded) for (const id of data.presence.ids) present.add(id);
    if (event === 'pusher_internal:member_added') {
      if (present.has(data.user_id)) fail(`${data.user_id} is added twice`);
      present.add(data.user_id);
      count(added, data.user_id);
    }
    if (event === 'pusher_internal:member_removed') {
      if (!present.delete(data.user_id)) fail(`${data.user_id} is removed and was not there`);
      count(removed, data.user_id);
    }
    if (event === 'client-said' && !present.has(data.from)) fail(`${data.from} speaks and is not there`);
  }
  return { present, added, removed };
}

/** Who comes and goes on a channel, as it was heard. */
export const brief = (entries, channel) => entries.filter((e) => e.channel === channel && e.event.startsWith('pusher_internal:'))
  .map(({ event, data }) => (data.presence ? { list: data.presence.ids } : { [event.slice(16)]: data.user_id ?? data.subscription_count }));

/** Those on a watchlist go online and offline by turns. Returns who is online now. */
export function online({ entries }) {
  const now = new Map();
  for (const { event, data } of entries) {
    if (event !== 'pusher_internal:watchlist_events') continue;
    for (const { name, user_ids: ids } of data.events) {
      for (const id of ids) {
        const is = name === 'online';
        assert.notEqual(now.get(id), is, `${id} is ${name} twice: ${JSON.stringify(entries.filter((e) => e.event === event))}`);
        now.set(id, is);
      }
    }
  }
  return [...now].filter(([, is]) => is).map(([id]) => id).sort();
}

/** How often somebody was said to be offline after having been online. */
export function wentOffline({ entries }, id) {
  const said = entries.filter((e) => e.event === 'pusher_internal:watchlist_events').flatMap((e) => e.data.events)
    .filter((e) => e.user_ids.includes(id)).map((e) => e.name);
  return said.filter((name, at) => name === 'offline' && said.slice(0, at).includes('online')).length;
}

/** The last count that a channel told. */
export const count = ({ entries }, channel) =>
  entries.findLast((e) => e.event === 'pusher_internal:subscription_count' && e.channel === channel)?.data.subscription_count;

/**
 * Events 1, 2, 3 … came in order, none twice, none that was refused, and from the
 * first on none is lacking: whoever lives through a gap has to be closed. What
 * began after the subscription has to be there, and to a living connection the last.
 * `missed` says of an accepted event that it may be lacking.
 */
export function events(connection, channel, { name, accepted, doubtful }, { missed = () => false, who = '' } = {}) {
  const got = connection.entries.filter((e) => e.channel === channel && e.event === name).map((e) => e.data);
  const from = since(connection, channel);
  const sure = accepted.map((e) => e.n);
  const may = new Set([...sure, ...doubtful]);
  const what = `${who} on ${channel}`;
  assert.deepEqual(got.filter((n) => !may.has(n)), [], `${what} has events that were refused`);
  assert.deepEqual(got.filter((n, at) => got.indexOf(n) !== at), [], `${what} has events twice`);
  const known = new Set(sure);
  const in_ = got.filter((n) => known.has(n)); // what was in doubt may come after what was accepted later
  assert.deepEqual(in_, in_.toSorted((a, b) => a - b), `${what} has events in another order`);
  const first = Math.min(in_[0] ?? Infinity, accepted.find((e) => from && e.began > from)?.n ?? Infinity);
  const last = connection.alive && from ? sure.at(-1) : in_.at(-1) ?? 0;
  const lacks = accepted.filter((e) => e.n >= first && e.n <= last && !got.includes(e.n) && !missed(e)).map((e) => e.n);
  assert.deepEqual(lacks, [], `${what} lacks events that were accepted`);
  return in_;
}

/**
 * What somebody sent comes never twice, and over one connection of theirs in order. Unless it may be lossy,
 * nothing lacks from the first on, and to a living connection all that was sent
 * after the subscription comes. Nobody hears what they sent themselves.
 */
export function sayings(connection, channel, { id, tab, sayings: said }, { lossy, own, who = '' }) {
  const all = connection.entries.filter((e) => e.event === 'client-said' && e.data.from === id && e.data.tab === tab).map((e) => e.data);
  const got = all.toSorted((a, b) => (a.over ?? 0) - (b.over ?? 0)).map((d) => d.n); // stable: order within a connection stays
  const what = `${who}, of what ${id} said in tab ${tab},`;
  if (own) {
    assert.deepEqual(got, [], `${what} hears it, and is that tab`);
    return;
  }
  assert.deepEqual(got, [...new Set(got)].sort((a, b) => a - b), `${what} has something twice or in another order`);
  if (lossy) return;
  const from = since(connection, channel);
  const first = Math.min(got[0] ?? Infinity, said.find((s) => from && s.at > from)?.n ?? Infinity);
  const last = connection.alive && from ? said.at(-1)?.n ?? 0 : got.at(-1) ?? 0;
  assert.deepEqual(said.filter((s) => s.n >= first && s.n <= last && !got.includes(s.n)).map((s) => s.n), [], `${what} lacks something`);
}
