// A back end that holds the webhooks of a whole cluster against what happened.
import assert from 'node:assert/strict';
import { Endpoint } from './endpoint.mjs';

export class Sink extends Endpoint {
  /** The webhooks of a channel, in the order they came. */
  of(channel) {
    return this.events.filter((e) => e.channel === channel);
  }

  /**
   * Who is on a channel by what was told: `occupied`, and the `members`. Where
   * `repeats` may come, because the node that sent them died, what says nothing
   * new is passed over; else it fails, as whatever does not alternate.
   */
  told(channel, { repeats = false } = {}) {
    return tell(this.of(channel), { repeats });
  }

  /** What was told of client events that somebody sent: the numbers in their data. */
  sayings(channel, { id, tab }) {
    return this.of(channel).filter((e) => e.name === 'client_event').map((e) => JSON.parse(e.data))
      .filter((d) => d.from === id && d.tab === tab).sort((a, b) => a.over - b.over).map((d) => d.n); // of several connections
  }
}

const pairs = {
  channel_occupied: [true, () => 'the channel'], channel_vacated: [false, () => 'the channel'],
  member_added: [true, (e) => e.user_id], member_removed: [false, (e) => e.user_id],
};

/** Goes over the webhooks of one channel. `counts` is how often each thing was told. */
export function tell(events, { repeats = false } = {}) {
  const now = new Map();
  const counts = {};
  for (const e of events) {
    if (!pairs[e.name]) continue;
    const [comes, of] = pairs[e.name];
    const what = of(e);
    if (Boolean(now.get(what)) === comes) {
      if (repeats) continue;
      assert.fail(`${e.name} of ${what} says nothing new: ${JSON.stringify(events.filter((x) => pairs[x.name]).map((x) => [x.name, x.user_id]))}`);
    }
    if (what !== 'the channel') assert.ok(now.get('the channel'), `${e.name} of ${what} on a channel that is not occupied`);
    if (e.name === 'channel_vacated') {
      assert.deepEqual([...now].filter(([w, is]) => is && w !== 'the channel'), [], 'a channel is vacated that has members');
    }
    now.set(what, comes);
    counts[e.name] ??= {};
    counts[e.name][what] = (counts[e.name][what] ?? 0) + 1;
  }
  const { 'the channel': occupied = false, ...members } = Object.fromEntries(now);
  return { occupied, members: Object.keys(members).filter((m) => members[m]).sort(), counts };
}

/** Numbers of one sender come in order and once; unless `lossy`, none lacks. */
export function inOrder(got, sent, { lossy = false, repeats = false, what = '' } = {}) {
  const once = repeats ? [...new Set(got)] : got;
  assert.deepEqual(once, [...new Set(once)].sort((a, b) => a - b), `${what} come twice or in another order`);
  assert.deepEqual(once.filter((n) => !sent.includes(n)), [], `${what} were never sent`);
  if (!lossy) assert.deepEqual(sent.filter((n) => !once.includes(n)), [], `${what} lack`);
}
