// A cluster under use: people on every node, a back end that publishes, and a
// judge of all that everybody heard.
import assert from 'node:assert/strict';
import { cluster, metric } from './cluster.mjs';
import { count, events, members, online, sayings, wentOffline } from './judge.mjs';
import { PagePerson, Person, news, room, scores } from './person.mjs';
import { Publisher } from './publisher.mjs';
import { Sink, inOrder } from './sink.mjs';
import { until } from './wait.mjs';

const listed = (c) => c.entries.find((e) => e.event === 'pusher_internal:subscription_succeeded' && e.channel === room)?.data.presence.ids ?? [];
const states = (p) => p.log.filter((e) => e.state || e.error).map((e) => [e.at, e.state ?? e.error]);
const when = (c, id) => c.entries.filter((e) => /member_/.test(e.event) && e.data.user_id === id).map((e) => [e.at, e.event]);
const get = async (sdk, path, params) => (await sdk.get({ path, params })).json();

export const lasts = (ms) => new Promise((resume) => setTimeout(resume, ms));

export class Town {
  people = [];
  #speaking;

  /**
   * Starts nodes and has a person of its own and a tab of a common user on each
   * of them; with `page` one more, in a browser, on the first node. All publish,
   * talk, and watch each other from then on. `through: 'front'` has all connect by
   * the load balancer.
   */
  static async open(t, { nodes = 3, page = false, through, config = {}, ...options } = {}) {
    const town = new Town();
    town.sink = await new Sink().open(t);
    Object.assign(town, await cluster(t, nodes, {
      webhooks: { grace: '1s' }, ...config,
      app: { subscription_count: true, limits: { client_events_per_second: 0 }, webhooks: [{ url: town.sink.url }], ...config.app },
    }, options));
    town.through = town[through];
    town.watchlist = ['tabs', 'page', ...town.nodes.flatMap((_, n) => [`person-${n + 1}`, `late-${n + 1}`])];
    await Promise.all(town.nodes.flatMap((_, n) => [town.comes(n, `person-${n + 1}`), town.comes(n, 'tabs')]));
    if (page) await town.add(0, PagePerson.on(t, town.nodes[0], 'page', { watchlist: town.watchlist, port: town.through?.port }));
    await town.settles();
    town.publisher = new Publisher((name, n) => town.sdk.trigger([room, news, scores], name, n));
    town.messenger = new Publisher((name, n) => town.sdk.sendToUser('tabs', name, n), 50);
    town.#speaking = town.#speak();
    t.after(() => town.#end());
    await town.goes();
    return town;
  }

  async add(n, coming) {
    const p = await coming;
    p.node = n;
    p.tab = this.people.length;
    this.people.push(p);
    return p;
  }

  /** Has somebody come to a node. */
  comes(n, id) {
    return this.add(n, Person.on(this.nodes[n], id, { watchlist: this.watchlist, port: this.through?.port }));
  }

  /** Those who are still there, and their ids. */
  get here() {
    return this.people.filter((p) => !p.left);
  }

  get ids() {
    return [...new Set(this.here.map((p) => p.id))].sort();
  }

  async #end() {
    this.ended = true;
    for (const p of [this.publisher, this.messenger]) p.ended = true;
    await this.#speaking;
  }

  async #speak() {
    while (!this.ended) {
      await Promise.all(this.here.map((p) => p.speak()));
      await lasts(50);
    }
  }

  /** Waits until further events of each kind are accepted. */
  async goes(more = 10) {
    await Promise.all([this.publisher.goes(more), this.messenger.goes(Math.ceil(more / 5))]).catch((err) => this.#fail(err));
  }

  /** Waits until everybody sees everybody. */
  async settles(people = this.here) {
    await Promise.all(people.map((p) => p.sees(this.ids)));
  }

  /** Has somebody leave for good. */
  async leaves(p) {
    await p.refresh();
    p.left = true;
    await p.leaves();
  }

  /** Kills a node. Its people do not come back. */
  async kill(n) {
    const node = this.nodes[n];
    for (const p of this.here.filter((p) => p.node === n)) {
      p.left = true;
      await p.refresh();
    }
    await node.stop('SIGKILL');
    node.dead = true;
    for (const client of node.clients) client.disconnect();
  }

  /** How many deaths a node has seen, the one that saw the most. */
  async deaths() {
    return Math.max(...await Promise.all(this.nodes.filter((n) => !n.dead).map((n) => metric(n, 'fanfare_cluster_deaths_total'))));
  }

  /**
   * Ends all that goes on and judges. `dark` are nodes that were away for longer
   * than the promises hold: who is only on those is told as gone once and comes
   * back, and connections to them may have been closed. `moved` says whose
   * connections may have ended besides. `missed` says which accepted events
   * may be lacking: the matrix says so. `refused` says that client events were,
   * because too many waited for Redis. `repeats` says that webhooks may come twice,
   * because the node that delivers them was gone or cut off, and `forgot` that those of the last
   * moment may lack as well, because Redis forgot them. `untold` says that nobody
   * may have been left who knew of those who are gone.
   */
  async judge(allowed = {}) {
    await this.#judge(allowed).catch((err) => this.#fail(err));
  }

  /** Throws an error with what the nodes warned of. */
  #fail(err) {
    const warnings = this.nodes.map((n, at) => n.log.split('\n').filter((l) => /level=(WARN|ERROR)/.test(l)).map((l) => `node ${at + 1}: ${l}`).join('\n'));
    err.message = `${err.message}\n${warnings.join('\n')}`;
    throw err;
  }

  async #judge({ dark = [], moved = () => false, missed, refused = false, forgot = false, repeats = forgot, untold = false }) {
    await Promise.all([this.publisher.stop(), this.messenger.stop()]);
    await this.#end();
    await Promise.all(this.here.map((p) => p.speak())); // behind all that was said before
    await this.settles();
    const died = dark.length + this.nodes.filter((n) => n.dead).length;
    const deaths = await this.deaths();
    assert.equal(deaths, died, `${deaths} nodes were taken for dead, and ${died} died`);
    await this.#quiet();
    await this.#lists();
    const lossy = (p) => refused || p.left || p.connections.length > 1 || dark.includes(p.node) || Boolean(missed);
    const inDark = (id) => this.people.some((p) => p.id === id) && this.people.filter((p) => p.id === id).every((p) => dark.includes(p.node));
    for (const p of this.people) {
      const who = `${p.id} on node ${p.node + 1}`;
      const steady = p.connections.length === 1 && (p.left || p.connected);
      if (!dark.includes(p.node) && !moved(p)) assert.ok(steady, `${who} lost a connection: ${JSON.stringify(states(p))}`);
      for (const c of p.connections) {
        if (p.left) c.alive = false;
        for (const channel of [room, news, scores]) events(c, channel, this.publisher, { who, missed });
        if (p.id === 'tabs') events(c, '#server-to-user-tabs', this.messenger, { who, missed });
        for (const other of this.people) {
          sayings(c, room, other, { who, lossy: lossy(other), own: other === p && p.connections.length === 1 });
        }
        this.#comings(p, c, who, { dark, inDark });
      }
      if (p.left) continue;
      assert.equal(count(p.last, news), this.here.length, `${who}: the count of ${news}`);
      assert.deepEqual(online(p.last), this.ids.filter((id) => this.watchlist.includes(id)), `${who}: who is online`);
    }
    await this.#hooks({ inDark, repeats, forgot, untold, lossy: (p) => forgot || lossy(p) });
    await this.#ends();
  }

  /** What back ends were told of the channels. */
  async #hooks({ inDark, repeats, forgot, untold, lossy }) {
    const { sink } = this;
    const expected = (id) => !untold || this.ids.includes(id);
    const told = () => {
      const all = sink.told(room, { repeats });
      return { ...all, members: all.members.filter(expected) };
    };
    const last = (p) => lossy(p) || sink.sayings(room, p).at(-1) === p.sayings.at(-1)?.n;
    const counted = (channel) => sink.of(channel).findLast((e) => e.name === 'subscription_count')?.subscription_count;
    const sockets = this.here.length;
    await until('all is told', () => told().members.join() === this.ids.join() && this.people.every(last)
      && counted(news) === sockets && counted(scores) === sockets, 30_000).catch(() => {}); // what lacks is judged
    for (const channel of [news, scores]) {
      const { occupied, counts } = sink.told(channel, { repeats });
      assert.deepEqual([occupied, counts.channel_vacated, counted(channel)], [true, undefined, sockets], `what is told of ${channel}`);
    }
    const { occupied, members: present, counts } = told();
    assert.deepEqual([occupied, present], [true, this.ids], `what is told of the members of ${room}`);
    for (const id of new Set(this.people.map((p) => p.id).filter(expected))) {
      if (forgot && !counts.member_added?.[id] && !this.ids.includes(id)) continue; // gone as soon as it had come
      const [came, went] = ['member_added', 'member_removed'].map((name) => counts[name]?.[id] ?? 0);
      const is = `${id} came ${came} and went ${went} times, as was told`;
      assert.equal(came - went, Number(this.ids.includes(id)), is);
      if (!this.ids.includes(id)) assert.ok(went === 1 || repeats && went > 1, is);
      else if (!inDark(id)) assert.equal(went, 0, is);
    }
    for (const p of this.people) {
      inOrder(sink.sayings(room, p), p.sayings.map((s) => s.n), { lossy: lossy(p), repeats, what: `webhooks of what ${p.id} said in tab ${p.tab}` });
    }
  }

  /** What one connection heard of people who came and went. */
  #comings(p, c, who, { dark, inDark }) {
    const { added, removed } = members(c, room);
    online(c);
    for (const id of new Set(this.people.map((q) => q.id))) {
      const heard = `${who}, of ${id}`;
      const goings = (removed.get(id) ?? 0);
      if (!this.ids.includes(id)) {
        if (c.alive) assert.equal(goings, Number(listed(c).includes(id) || added.has(id)), `${heard}: goes once, if it was there`);
      } else if (!inDark(id)) {
        assert.equal(goings, 0, `${heard}: never left, and is removed ${JSON.stringify([when(c, id), ...this.people.filter((q) => q.id === id).map(states)])}`);
        assert.equal(wentOffline(c, id), 0, `${heard}: never left, and is offline`);
      } else {
        // It is truly gone for a moment where it is closed because of a gap.
        const broke = this.people.filter((q) => q.id === id).reduce((sum, q) => sum + q.connections.length - 1, 0);
        const least = c.alive && !dark.includes(p.node) ? 1 : 0;
        assert.ok(goings >= least && goings <= least + broke, `${heard}: is removed ${goings} times, by ${least} to ${least + broke}`);
        assert.ok((added.get(id) ?? 0) >= goings, `${heard}: comes back`);
      }
    }
  }

  /** Waits until the last events have come everywhere; which lack is judged later. */
  async #quiet() {
    const { n } = this.publisher.accepted.at(-1);
    await Promise.all(this.here.map((p) => until(`${p.id} has got event ${n}`, async () => {
      await p.refresh();
      const has = (channel, wants) => p.last.entries.some((e) => e.channel === channel && wants(e));
      return [room, news, scores].every((channel) => has(channel, (e) => e.event === 'n' && e.data === n))
        && (p.id !== 'tabs' || has('#server-to-user-tabs', (e) => e.data === this.messenger.accepted.at(-1).n))
        && this.here.every((q) => q === p || has(room, (e) => e.event === 'client-said' && e.data.tab === q.tab && e.data.n === q.sayings.at(-1).n))
        && count(p.last, news) === this.here.length
        && online(p.last).join() === this.ids.filter((id) => this.watchlist.includes(id)).join();
    }, 20_000).catch(() => {}))); // the judge says what lacks
  }

  /** What every node answers about channels. */
  async #lists() {
    const sockets = this.here.length;
    for (const { sdk, dead } of this.nodes) {
      if (dead) continue;
      const info = { subscription_count: sockets, user_count: this.ids.length };
      const users = await get(sdk, `/channels/${room}/users`);
      assert.deepEqual(users.users.map((u) => u.id).sort(), this.ids);
      assert.deepEqual(await get(sdk, `/channels/${room}`, { info: 'user_count,subscription_count' }), { occupied: true, ...info });
      assert.deepEqual(await get(sdk, '/channels', { filter_by_prefix: 'presence-', info: 'user_count' }), { channels: { [room]: { user_count: this.ids.length } } });
      assert.deepEqual(Object.keys((await get(sdk, '/channels')).channels).sort(), [scores, news, room].sort());
      assert.equal((await get(sdk, `/channels/${news}`, { info: 'subscription_count' })).subscription_count, sockets);
    }
  }

  /** A cache channel gives its last event on every node; a user is terminated everywhere; who leaves is gone. */
  async #ends() {
    const { n } = this.publisher.accepted.at(-1);
    const last = [n, ...this.publisher.doubtful.filter((d) => d > n)];
    for (const [at, node] of this.nodes.entries()) {
      if (node.dead) continue;
      const late = await this.comes(at, `late-${at + 1}`);
      const given = () => late.last.entries.find((e) => e.channel === scores && ['n', 'pusher:cache_miss'].includes(e.event));
      await until('the cache channel gives its event', given);
      assert.ok(last.includes(given().data), `node ${at + 1} gives the event ${JSON.stringify(given())} and not ${last}`);
    }
    await this.settles();
    const tabs = this.here.filter((p) => p.id === 'tabs');
    await this.sdk.terminateUserConnections('tabs');
    for (const p of tabs) {
      await until(`the tab on node ${p.node + 1} is closed`, () => p.pusher.connection.state === 'disconnected');
      p.left = true;
    }
    await this.settles();
    for (const p of this.here) {
      await p.refresh();
      assert.equal(members(p.last, room).removed.get('tabs'), 1);
      await until(`${p.id} hears that the tabs are offline`, async () => {
        await p.refresh();
        return online(p.last).join() === this.ids.filter((id) => this.watchlist.includes(id)).join();
      });
    }
  }
}
