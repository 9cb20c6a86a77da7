// Somebody who uses all of Pusher over one connection and keeps a record of what
// comes: a pusher-js in Node, or one in a page of Chromium.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import Pusher from 'pusher-js';
import { browser } from './browser.mjs';
import { connections, members } from './judge.mjs';
import { until } from './wait.mjs';

const script = createRequire(import.meta.url).resolve('pusher-js/dist/web/pusher.js');

export const room = 'presence-room';
export const news = 'news';
export const scores = 'cache-scores';
const channels = [room, news, scores];

// follow connects, signs in and subscribes. The record has every message of the
// server, every state of the connection and every error, in order. It runs in
// Node and, as text, in a page.
function follow(Pusher, key, options, channels, room) {
  const log = [];
  const note = (entry) => log.push({ at: Date.now(), ...entry });
  const pusher = new Pusher(key, options);
  pusher.connection.bind('state_change', ({ current }) => note({ state: current }));
  pusher.connection.bind('error', (e) => note({ error: e.data?.code ?? e.error?.data?.code ?? e.type }));
  pusher.connection.bind('message', ({ event, channel, data }) => note({ event, channel, data }));
  for (const name of channels) pusher.subscribe(name);
  pusher.signin();
  let over = 0; // the number of the connection
  pusher.connection.bind('connected', () => over++);
  // What was sent, or false: pusher-js drops what it cannot send.
  const say = (data) => pusher.channel(room).subscribed && pusher.channel(room).trigger('client-said', { ...data, over });
  const ids = () => Object.keys(pusher.channel(room).members.members);
  return { pusher, log, say, ids };
}

export class Person {
  #said = 0;
  log = [];
  sayings = []; // { n, at } of client events that were sent

  /** Connects to a node and waits until all is subscribed. `port` is another way to it. */
  static async on(server, id, { port, watchlist = [] } = {}) {
    const p = new Person();
    const client = server.options({ user: { id, info: { name: id } }, watchlist, ...(port && { wsPort: port }) });
    Object.assign(p, { server, id }, follow(Pusher, 'app-key', client, channels, room));
    server.clients.push(p.pusher);
    await p.arrives();
    return p;
  }

  /** Brings what a page has recorded over here. */
  async refresh() {}

  async arrives() {
    await until(`${this.id} is subscribed`, async () => {
      await this.refresh();
      return this.connected && ['pusher:signin_success', ...channels].every((name) => this.last.entries.some(
        (e) => e.event === name || e.channel === name && e.event === 'pusher_internal:subscription_succeeded'));
    }).catch((err) => { throw new Error(`${err.message}: ${JSON.stringify(this.log.slice(-20))}`); });
  }

  /** The connections so far, and the one that came last. */
  get connections() {
    return connections(this.log);
  }

  get last() {
    return this.connections.at(-1);
  }

  get connected() {
    return Boolean(this.last?.alive);
  }

  /** Who is on the room, by what was heard. */
  get present() {
    return [...members(this.last, room).present].sort();
  }

  /** Waits until the members are these, for pusher-js too. */
  async sees(ids) {
    const want = [...ids].sort().join();
    await until(`${this.id} sees ${want}`, async () => {
      await this.refresh();
      return this.connected && this.present.join() === want && [...await this.ids()].sort().join() === want;
    }).catch(async (err) => { throw new Error(`${err.message}; heard of ${this.connected && this.present}, pusher-js has ${await this.ids()}`); });
  }

  /** Sends a numbered client event; say adds over which connection. */
  async speak() {
    const n = this.#said + 1;
    const at = Date.now();
    if (!await this.say({ from: this.id, tab: this.tab, n })) return;
    this.#said = n;
    this.sayings.push({ n, at });
  }

  /** Closes the connection for good. */
  async leaves() {
    this.pusher.disconnect();
  }
}

/** A person whose pusher-js is that of a browser, on a page of its own. */
export class PagePerson extends Person {
  static async on(t, server, id, { port = server.port, watchlist = [] } = {}) {
    const p = new PagePerson();
    Object.assign(p, { server, id });
    p.page = await (await browser(t)).newPage();
    await p.page.goto(await site(t, server, id, watchlist));
    await p.page.evaluate(([follow, port, channels, room]) => {
      const auth = (endpoint) => ({ endpoint, transport: 'ajax' });
      window.person = (0, eval)(`(${follow})`)(window.Pusher, 'app-key', {
        cluster: 'any', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'],
        channelAuthorization: auth('/auth'), userAuthentication: auth('/user-auth'),
      }, channels, room);
    }, [follow.toString(), port, channels, room]);
    await p.arrives();
    return p;
  }

  async refresh() {
    this.log.push(...await this.page.evaluate((from) => window.person.log.slice(from), this.log.length));
  }

  say(data) {
    return this.page.evaluate((d) => window.person.say(d), data);
  }

  ids() {
    return this.page.evaluate(() => window.person.ids());
  }

  async leaves() {
    await this.page.close();
  }
}

// site serves an empty page with pusher-js, and signs whatever one user asks for.
async function site(t, server, id, watchlist) {
  const http = createServer(async (req, res) => {
    if (req.url === '/pusher.js') return res.end(await readFile(script));
    if (req.method !== 'POST') return res.setHeader('content-type', 'text/html').end('<!doctype html><script src="/pusher.js"></script>');
    let body = '';
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const socket = form.get('socket_id');
    res.end(JSON.stringify(req.url === '/user-auth'
      ? server.sdk.authenticateUser(socket, { id, user_info: { name: id }, watchlist })
      : server.sdk.authorizeChannel(socket, form.get('channel_name'), { user_id: id, user_info: { name: id } })));
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => http.close());
  return `http://127.0.0.1:${http.address().port}`;
}
