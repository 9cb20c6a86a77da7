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

/** Publishes 1, 2, 3 … to a channel, one after the other, until stop(). */
export class Publisher {
  accepted = [];
  doubtful = []; // may have been delivered
  refused = []; // were not
  #ended = false;

  constructor(sdk, channel, name = 'n', pause = 5) {
    Object.assign(this, { sdk, channel, name, pause });
    this.done = this.#run();
  }

  async #run() {
    for (let n = 1; !this.#ended; n++) {
      const err = await this.sdk.trigger(this.channel, this.name, n).then(() => null, (e) => e);
      if (!err) this.accepted.push(n);
      else if (err.status === 503 && !/may have been/.test(err.body)) this.refused.push(n);
      else this.doubtful.push(n); // or the connection broke before the answer
      await new Promise((resume) => setTimeout(resume, this.pause));
    }
  }

  async stop() {
    this.#ended = true;
    await this.done;
    return this;
  }

  /** Waits until `more` further events were accepted. */
  async goes(more) {
    const goal = this.accepted.length + more;
    await until(`${more} further events are accepted`, () => this.accepted.length >= goal);
  }

  /** Waits until a channel has got the last, and holds what it got against what was accepted. */
  async reached(channel, what = channel.name) {
    const got = () => channel.log.all(this.name);
    const last = this.accepted.at(-1);
    await until(`${what} has got event ${last}`, () => got().includes(last)).catch(() => {}); // the differences say more
    const may = new Set([...this.accepted, ...this.doubtful]);
    assert.deepEqual(this.accepted.filter((n) => !got().includes(n)), [], `${what} lacks events that were accepted`);
    assert.deepEqual(got().filter((n) => !may.has(n)), [], `${what} has events that were refused`);
    assert.deepEqual(got().filter((n, at) => got().indexOf(n) !== at), [], `${what} has events twice`);
    const sure = new Set(this.accepted); // what was in doubt may come after what was accepted later
    assert.deepEqual(got().filter((n) => sure.has(n)), this.accepted, `${what} has events in another order`);
  }
}
