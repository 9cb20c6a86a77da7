// The page's one connection: a pusher-js with a reconnection that can be seen.
import { ApiError, post } from './api.js';

/**
 * @import { Pusher, PusherClass, Recover } from './pusher.d.ts'
 * @import { RealtimeSettings } from './types.js'
 */

/** @typedef {'connecting' | 'connected' | 'reconnecting' | 'disconnected'} LinkState */

/**
 * @typedef {object} LinkSnapshot
 * @property {LinkState} state
 * @property {number} attempts to connect again, since the connection was lost
 * @property {string | null} problem
 */

/** @typedef {{ code?: number, message?: string }} Refusal */

/**
 * Codes below 4100 mean that trying again is no use, so pusher-js stops.
 * @type {Record<number, string>}
 */
const problems = {
  4000: 'The server accepts encrypted connections only.',
  4001: 'The server does not know this app key.',
  4003: 'This app is switched off on the server.',
  4004: 'The server is full.',
  4009: 'The server refused this connection.',
};

export class Realtime {
  #Pusher;
  #recover;
  #settings;
  /** @type {Pusher | undefined} */
  #made;
  /** @type {LinkSnapshot} */
  #snapshot = { state: 'connecting', attempts: 0, problem: null };
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #holders = 0;
  #restarting = false;
  /** @type {string | null} */
  #refusal = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {PusherClass} PusherJs that of pusher-js, from wherever the page has it
   * @param {Recover} recover that of clients/js: what was said while we were away comes when we are back
   * @param {RealtimeSettings} settings
   */
  constructor(PusherJs, recover, settings) {
    this.#Pusher = PusherJs;
    this.#recover = recover;
    this.#settings = settings;
  }

  /** Made by the first hold, not before: a pusher-js connects as soon as it exists. */
  get pusher() {
    return (this.#made ??= this.#make());
  }

  #make() {
    const { key, host, port, tls } = this.#settings;
    const pusher = new this.#Pusher(key, {
      cluster: '', // required by pusher-js; ignored because wsHost is set
      wsHost: host, wsPort: port, wssPort: port, forceTLS: tls,
      enabledTransports: ['ws'],
      // A network that went away without a word shows after at most 40 seconds, and 10
      // after the browser noticed. pusher-js would take up to 150, and 30.
      activityTimeout: 30_000, pongTimeout: 10_000,
      channelAuthorization: {
        customHandler: ({ socketId, channelName }, done) =>
          this.#authorize('/api/auth', { socket_id: socketId, channel_name: channelName }, done),
      },
      userAuthentication: {
        customHandler: ({ socketId }, done) => this.#authorize('/api/user-auth', { socket_id: socketId }, done),
      },
    });
    this.#recover(pusher);
    pusher.connection.bind('state_change', this.#onStateChange);
    // Emitted when a connection is lost, a second before pusher-js begins to connect.
    pusher.connection.bind('connecting_in', () => this.#lost());
    pusher.connection.bind('error', this.#onError);
    pusher.signin(); // on this connection and each later one
    return pusher;
  }

  /** Connects while anybody holds; returns the release. */
  hold() {
    if (this.#holders++ === 0) this.connect();
    return () => {
      if (--this.#holders > 0) return;
      clearTimeout(this.#timer);
      this.pusher.disconnect();
      this.#set({ state: 'disconnected', attempts: 0, problem: null });
    };
  }

  /** Starts anew: at first, or by hand after the server refused. */
  connect() {
    this.#set({ state: 'connecting', attempts: 0, problem: null });
    if (this.pusher.connection.state !== 'connecting') this.pusher.connect();
    this.#waitForNextAttempt();
  }

  /** @param {() => void} listener */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  read = () => this.#snapshot;

  /** @param {Partial<LinkSnapshot>} change */
  #set(change) {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  /** @param {{ previous: string, current: string }} change */
  #onStateChange = ({ previous, current }) => {
    if (this.#restarting || this.#holders === 0) return;
    if (current === 'connected') {
      clearTimeout(this.#timer);
      this.#refusal = null;
      this.#set({ state: 'connected', attempts: 0, problem: null });
    } else if (current === 'disconnected' || current === 'failed') {
      clearTimeout(this.#timer);
      this.#set({ state: 'disconnected', attempts: 0, problem: this.#snapshot.problem ?? 'The connection was closed.' });
    } else if (previous === 'connected' && this.#snapshot.state === 'connected') {
      this.#lost();
    }
  };

  /** @param {{ error?: { data?: Refusal }, data?: Refusal }} event */
  #onError = (event) => {
    const { code, message } = event.error?.data ?? event.data ?? {};
    if (code === undefined) return;
    // It answered, so it can be reached.
    if (code >= 4100 && code < 4200) this.#refusal = 'The server takes no connections at the moment. Trying again…';
    const problem = problems[code];
    // 4009 has many reasons: a page of an origin that is not allowed, for one.
    if (problem) this.#set({ problem: code === 4009 && message ? `${problem} ${message.replace(/\.?$/, '.')}` : problem });
  };

  #lost() {
    if (this.#holders === 0) return;
    this.#set({ state: 'reconnecting', attempts: this.#snapshot.attempts + 1 });
    this.#waitForNextAttempt();
  }

  // What a developer needs to read who has not started the server, or named another port.
  get #unreachable() {
    const { tls, host, port } = this.#settings;
    return navigator.onLine ? `Cannot reach ${tls ? 'wss' : 'ws'}://${host}:${port}, is fanfare running?` : 'This device is offline.';
  }

  // pusher-js gives an attempt 15 seconds even if it was refused at once, then 30,
  // then 60. People who wait want more than that, and a crowd that lost its server
  // must not come back in step: 4 s, 6 s, 9 s … 20 s, each by chance up to a
  // quarter shorter or longer.
  #waitForNextAttempt() {
    clearTimeout(this.#timer);
    const delay = Math.min(20_000, 4000 * 1.5 ** Math.max(0, this.#snapshot.attempts - 1));
    this.#timer = setTimeout(() => {
      this.#set({ state: 'reconnecting', attempts: this.#snapshot.attempts + 1, problem: this.#refusal ?? this.#unreachable });
      this.#refusal = null;
      this.#restarting = true; // the state changes on the way are of no interest
      this.pusher.disconnect();
      this.pusher.connect();
      this.#restarting = false;
      this.#waitForNextAttempt();
    }, delay * (0.75 + Math.random() / 2));
  }

  /**
   * Asks an API route to sign for this connection. While the API is down it asks
   * again, as pusher-js itself would not; an answer for a connection that is gone
   * is dropped, because the next connection has asked anew.
   * @param {string} path
   * @param {Record<string, string>} form
   * @param {(err: Error | null, data: unknown) => void} done
   */
  async #authorize(path, form, done) {
    const current = () => this.pusher.connection.socket_id === form.socket_id && this.pusher.connection.state === 'connected';
    for (let pause = 500; ; pause = Math.min(2 * pause, 8000)) {
      try {
        const answer = await post(path, new URLSearchParams(form));
        if (!current()) return;
        this.#set({ problem: null });
        return done(null, answer);
      } catch (err) {
        if (!current()) return;
        if (!(err instanceof ApiError && err.passing)) return done(/** @type {Error} */ (err), null);
        this.#set({ problem: `${err.message} Trying again…` });
        await new Promise((resume) => setTimeout(resume, pause));
        if (!current()) return;
      }
    }
  }
}

/** @type {Realtime | undefined} */
let page;

/**
 * The page's connection. The settings are the page's too, so the first ones count.
 * @param {PusherClass} PusherJs
 * @param {Recover} recover
 * @param {RealtimeSettings} settings
 */
export const realtime = (PusherJs, recover, settings) => (page ??= new Realtime(PusherJs, recover, settings));
