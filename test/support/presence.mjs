// What a subscriber heard, held against what it may hear.
import assert from 'node:assert/strict';
import { subscribed, until } from './wait.mjs';

/** Somebody on a presence channel who notes all that comes. */
export class Observer {
  states = []; // of the connection, after the first subscription
  heard = []; // { list } of a subscription, { added } or { removed }

  static async on(server, channel, user, options = {}) {
    const o = new Observer();
    o.client = server.client({ user, ...options });
    o.channel = o.client.subscribe(channel);
    o.channel.bind('pusher:subscription_succeeded', ({ members }) => o.heard.push({ list: Object.keys(members).sort() }));
    o.channel.bind('pusher:member_added', ({ id }) => o.heard.push({ added: id }));
    o.channel.bind('pusher:member_removed', ({ id }) => o.heard.push({ removed: id }));
    await subscribed(o.client, channel);
    o.client.connection.bind('state_change', ({ current }) => o.states.push(current));
    return o;
  }

  /** The ids of the members, as pusher-js has them now. */
  get ids() {
    return Object.keys(this.channel.members.members).sort();
  }

  /** Waits until the members are these. */
  async sees(ids) {
    const want = [...ids].sort().join();
    await until('the members', () => this.ids.join() === want)
      .catch((err) => { throw new Error(`${err.message}; sees ${this.ids}, want ${want}`); });
  }

  /** How often somebody was added or removed. */
  count(what, id) {
    return this.heard.filter((h) => h[what] === id).length;
  }

  /** Whether it never lost its connection. */
  get stayed() {
    return this.states.length === 0;
  }

  /** Each member is added and removed by turns, and the end is what pusher-js has. */
  alternates() {
    let present = new Set();
    const all = JSON.stringify(this.heard);
    for (const { list, added, removed } of this.heard) {
      if (list) present = new Set(list);
      if (added) assert.ok(!present.has(added), `${added} is added twice: ${all}`);
      if (added) present.add(added);
      if (removed) assert.ok(present.delete(removed), `${removed} is removed and was not there: ${all}`);
    }
    assert.deepEqual([...present].sort(), this.ids, all);
  }
}
