// A room as a page shows it: what it knows, and what people can do in it. A page
// binds it by subscribe and read, which are what React's useSyncExternalStore takes.
import { keepStay, randomHex } from './api.js';
import { Room } from './room.js';
import { emptyRoom, roomReducer } from './roomState.js';
import { checkText } from './validation.js';

/**
 * @import { LinkSnapshot, Realtime } from './realtime.js'
 * @import { RoomEvent, RoomState } from './roomState.js'
 * @import { ChatMessage, Entry, Identity, Member, Status } from './types.js'
 * @import { Checked } from './validation.js'
 */

/**
 * @typedef {object} RoomSnapshot
 * @property {LinkSnapshot} link
 * @property {boolean} joined we have been let in
 * @property {string | null} staleSince when members and statuses were true last (ISO 8601); null while they are
 * @property {readonly Member[]} members ourselves first
 * @property {readonly Entry[]} messages
 * @property {readonly string[]} typing names
 * @property {Status} status our own
 */

/**
 * What a page may want to know beside what it shows.
 * @typedef {object} RoomCallbacks
 * @property {(message: ChatMessage) => void} [onNewMessage] of others, and our own from another tab
 * @property {(who: Identity) => void} [onUserTyping]
 * @property {(who: Identity) => void} [onUserStoppedTyping]
 * @property {(who: Identity, status: Status) => void} [onUserStatusUpdated]
 * @property {(reason: string) => void} [onRefused] the name is taken, say, or the room is full
 */

export class RoomStore {
  /** @type {RoomCallbacks} */
  callbacks = {};
  #link;
  #room;
  #me;
  /** @type {Room | undefined} */
  #stay;
  /** @type {RoomState} */
  #state = emptyRoom;
  #joined = false;
  /** @type {Status} */
  #status;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;
  /** @type {RoomSnapshot | undefined} */
  #snapshot;

  /**
   * @param {Realtime} link
   * @param {string} room
   * @param {Identity} me
   * @param {Status} [status] as it was before a reload
   */
  constructor(link, room, me, status = 'online') {
    this.#link = link;
    this.#room = room;
    this.#me = me;
    this.#status = status;
  }

  /** Enters the room, and again after each lost connection; returns what leaves it. */
  enter() {
    const { name } = this.#me;
    const stay = new Room(this.#link, this.#room, this.#me, {
      change: this.#apply,
      entered: () => {
        this.#joined = true;
        keepStay({ name, room: this.#room, status: this.#status });
        this.#changed();
      },
      refused: (reason) => this.callbacks.onRefused?.(reason),
      message: (message) => this.callbacks.onNewMessage?.(message),
      typing: (who) => this.callbacks.onUserTyping?.(who),
      stoppedTyping: (who) => this.callbacks.onUserStoppedTyping?.(who),
      status: (who, status) => {
        if (who.id === this.#me.id) this.#showStatus(status); // chosen in another tab
        else this.callbacks.onUserStatusUpdated?.(who, status);
      },
    });
    this.#stay = stay;
    const unlisten = this.#link.subscribe(this.#changed);
    stay.enter();
    stay.setStatus(this.#status);
    return () => {
      unlisten();
      stay.leave();
      this.#stay = undefined;
      this.#joined = false;
      this.#apply({ type: 'emptied' });
    };
  }

  /** @param {() => void} listener */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** @returns {RoomSnapshot} the same one until something changes */
  read = () => (this.#snapshot ??= this.#take());

  /**
   * Shows a message at once and sends it; says why if it cannot be a message.
   * @param {string} input
   * @returns {Checked<string>}
   */
  send = (input) => {
    const text = checkText(input);
    if (!text.ok || !this.#stay) return text;
    const { id: senderId, name: senderName } = this.#me;
    const message = { id: randomHex(16), text: text.value, senderId, senderName, timestamp: new Date().toISOString() };
    this.#apply({ type: 'message', message, state: 'sending' });
    this.#stay.stopTyping();
    void this.#stay.send(message.id, message.text);
    return text;
  };

  /**
   * Sends a failed message again, under the id it had.
   * @param {string} id
   */
  retry = (id) => {
    const senderId = this.#me.id;
    const entry = this.#state.entries.find((e) => e.kind === 'message' && e.id === id && e.senderId === senderId);
    if (entry?.kind !== 'message' || entry.state !== 'failed') return;
    this.#apply({ type: 'sending', id, senderId });
    void this.#stay?.send(id, entry.text);
  };

  startTyping = () => this.#stay?.startTyping();

  stopTyping = () => this.#stay?.stopTyping();

  /** @param {Status} status */
  setStatus = (status) => {
    this.#showStatus(status);
    this.#stay?.setStatus(status);
  };

  reconnect = () => this.#link.connect();

  /** @param {Status} status */
  #showStatus(status) {
    this.#status = status;
    if (this.#joined) keepStay({ name: this.#me.name, room: this.#room, status });
    this.#changed();
  }

  /** @param {RoomEvent} event */
  #apply = (event) => {
    this.#state = roomReducer(this.#state, event);
    this.#changed();
  };

  // Many events may come at once, as when hundreds leave: the page is drawn after them, not after each.
  #changed = () => {
    this.#snapshot = undefined;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      for (const listener of [...this.#listeners]) listener();
    });
  };

  /** @returns {RoomSnapshot} */
  #take() {
    const { people, statuses, typing, entries, staleSince } = this.#state;
    const members = [...people].map(([id, name]) => {
      const me = id === this.#me.id;
      return { id, name, me, status: me ? this.#status : (statuses.get(id) ?? 'online') };
    }).sort((a, b) => Number(b.me) - Number(a.me) || a.name.localeCompare(b.name));
    return {
      link: this.#link.read(),
      joined: this.#joined,
      staleSince,
      members,
      messages: entries,
      typing: typing.flatMap((id) => people.get(id) ?? []),
      status: this.#status,
    };
  }
}

/** @param {readonly string[]} names */
export function typingText(names) {
  const [first, second] = names;
  if (names.length > 2) return 'Several people are typing…';
  if (names.length === 2) return `${first} and ${second} are typing…`;
  return names.length === 1 ? `${first} is typing…` : '';
}

/** @param {LinkSnapshot} link */
export const linkText = ({ state, attempts }) => ({
  connected: 'Connected',
  connecting: 'Connecting…',
  reconnecting: `Reconnecting, attempt ${attempts}`,
  disconnected: 'Disconnected',
})[state];

/** @param {string} timestamp ISO 8601 */
export const timeOfDay = (timestamp) => new Date(timestamp).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
