// One stay in one room: from enter to leave, over any number of lost connections.
import { ApiError, post } from './api.js';
import { statuses } from './types.js';
import { TypingSender, TypingUsers } from './typing.js';
import { channelOf } from './validation.js';

/**
 * @import { Member, PresenceChannel } from './pusher.d.ts'
 * @import { Realtime } from './realtime.js'
 * @import { RoomEvent } from './roomState.js'
 * @import { ChatMessage, Identity, Status } from './types.js'
 * @import { Timer } from './typing.js'
 */

/** true: the sender's page gets its own messages back from the server, too. */
const echo = false;

const patience = 10_000; // ms a message may wait until the room is entered
const statusSpread = 500; // ms over which a whole room tells a newcomer its statuses
const returnTime = 40_000; // ms others have to come back after we lost the server

/**
 * @typedef {object} RoomListener
 * @property {(event: RoomEvent) => void} change
 * @property {() => void} entered
 * @property {(reason: string) => void} refused
 * @property {(message: ChatMessage) => void} message
 * @property {(who: Identity) => void} typing
 * @property {(who: Identity) => void} stoppedTyping
 * @property {(who: Identity, status: Status) => void} status
 */

export class Room {
  #link;
  #room;
  #me;
  #listener;
  /** @type {PresenceChannel} */
  #channel = /** @type {any} */ (null); // until we enter
  /** @type {Map<string, string>} */
  #people = new Map(); // names by id
  /** @type {Map<string, string>} */
  #away = new Map(); // those who were here when we lost the server
  /** @type {Map<string, { text: string, timer: Timer }>} */
  #waiting = new Map(); // messages until we are in
  /** @type {Status} */
  #status = 'online';
  /** @type {Status} */
  #told = 'online'; // what the room believes of us
  #lost = false;
  #over = false;
  /** @type {Timer | undefined} */
  #statusTimer;
  /** @type {Timer | undefined} */
  #awayTimer;
  #typists = new TypingUsers((ids) => this.#tell({ type: 'typing', ids }));
  #ownTyping = new TypingSender((event) => this.#trigger(event, {}));
  #release = () => {};
  #unlisten = () => {};

  /**
   * @param {Realtime} link
   * @param {string} room
   * @param {Identity} me
   * @param {RoomListener} listener
   */
  constructor(link, room, me, listener) {
    this.#link = link;
    this.#room = room;
    this.#me = me;
    this.#listener = listener;
  }

  /** Joins now, or as soon as there is a connection, and again after each new one. */
  enter() {
    this.#release = this.#link.hold();
    this.#unlisten = this.#link.subscribe(this.#onLink);
    this.#channel = /** @type {PresenceChannel} */ (this.#link.pusher.subscribe(channelOf(this.#room)));
    for (const [event, handler] of Object.entries(this.#handlers)) this.#channel.bind(event, handler);
  }

  leave() {
    this.#over = true;
    for (const [event, handler] of Object.entries(this.#handlers)) this.#channel.unbind(event, handler);
    this.#unlisten();
    this.#ownTyping.clear();
    this.#typists.clear();
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    clearTimeout(this.#statusTimer);
    clearTimeout(this.#awayTimer);
    // In this order: on a connection that stays, the server is told; on one that was
    // closed the channel is forgotten, and not joined again with the next one.
    this.#release();
    this.#link.pusher.unsubscribe(this.#channel.name);
  }

  /**
   * Sends a message, or sends it again: with the same id it is shown once.
   * @param {string} id
   * @param {string} text
   */
  async send(id, text) {
    const { state } = this.#link.read();
    if (state === 'reconnecting' || state === 'disconnected') return this.#fail(id, 'You are not connected.');
    if (!this.#channel.subscribed) {
      const timer = setTimeout(() => this.#waiting.delete(id) && this.#fail(id, 'The room could not be entered in time.'), patience);
      this.#waiting.set(id, { text, timer });
      return;
    }
    try {
      const socketId = echo ? undefined : this.#link.pusher.connection.socket_id;
      /** @type {ChatMessage} */
      const message = await post('/api/messages', { room: this.#room, text, id, socketId });
      this.#tell({ type: 'sent', message });
    } catch (err) {
      this.#fail(id, err instanceof ApiError ? err.message : 'The message could not be sent.');
    }
  }

  startTyping = () => this.#ownTyping.key();

  stopTyping = () => this.#ownTyping.stop();

  /** @param {Status} status */
  setStatus(status) {
    this.#status = status;
    if (status !== this.#told) this.#tellStatus();
  }

  /** @param {RoomEvent} event */
  #tell(event) {
    if (!this.#over) this.#listener.change(event);
  }

  /**
   * @param {string} id
   * @param {string} problem
   */
  #fail(id, problem) {
    this.#tell({ type: 'failed', id, senderId: this.#me.id, problem });
  }

  /**
   * @param {string} event
   * @param {object} data
   */
  #trigger(event, data) {
    return this.#channel.subscribed && this.#link.read().state === 'connected' && this.#channel.trigger(event, data);
  }

  #tellStatus() {
    if (this.#trigger('client-status', { status: this.#status })) this.#told = this.#status;
  }

  /**
   * Takes the waiting messages out, for one thing to be done with each.
   * @param {(id: string, text: string) => void} then
   */
  #endWaiting(then) {
    const list = [...this.#waiting];
    this.#waiting.clear();
    for (const [id, { text, timer }] of list) {
      clearTimeout(timer);
      then(id, text);
    }
  }

  #onLink = () => {
    const { state } = this.#link.read();
    const lost = state === 'reconnecting' || state === 'disconnected';
    if (lost && !this.#lost) {
      for (const [id, name] of this.#people) if (id !== this.#me.id) this.#away.set(id, name);
      clearTimeout(this.#awayTimer);
      clearTimeout(this.#statusTimer);
      this.#statusTimer = undefined;
      this.#ownTyping.clear();
      this.#typists.clear();
      this.#endWaiting((id) => this.#fail(id, 'The connection was lost.'));
      this.#tell({ type: 'lost', at: new Date().toISOString() });
    }
    this.#lost = lost;
  };

  /**
   * Who sent an event is what the server says (meta.user_id), not what the data says.
   * @param {{ user_id?: string } | undefined} meta
   * @returns {Identity | null}
   */
  #sender(meta) {
    const id = meta?.user_id;
    const name = id === undefined ? undefined : this.#people.get(id);
    return id === undefined || name === undefined ? null : { id, name };
  }

  /** @type {Record<string, (data: any, meta?: { user_id?: string }) => void>} */
  #handlers = {
    'pusher:subscription_succeeded': () => {
      this.#people.clear();
      this.#channel.members.each(({ id, info }) => {
        this.#people.set(id, String(info?.name ?? id));
        this.#away.delete(id);
      });
      this.#tell({ type: 'entered', people: new Map(this.#people) });
      this.#listener.entered();
      // The others come back one by one after a loss, as we do. That is not worth a
      // notice; that somebody did not come back is.
      clearTimeout(this.#awayTimer);
      this.#awayTimer = setTimeout(() => {
        for (const [id, name] of this.#away) this.#tell({ type: 'left', who: { id, name } });
        this.#away.clear();
      }, returnTime);
      this.#trigger('client-status-ask', {});
      if (this.#status !== 'online' || this.#told !== 'online') this.#tellStatus();
      this.#endWaiting((id, text) => void this.send(id, text));
    },

    /** @param {{ type?: string, error?: string }} refusal */
    'pusher:subscription_error': ({ type, error }) => {
      this.#listener.refused(type === 'LimitReached' ? `The room ${this.#room} is full.` : (error ?? 'The server refused you.'));
    },

    /** @param {Member} member */
    'pusher:member_added': ({ id, info }) => {
      const who = { id, name: String(info?.name ?? id) };
      this.#people.set(id, who.name);
      this.#tell({ type: 'joined', who, quietly: this.#away.delete(id) });
    },

    /** @param {Member} member */
    'pusher:member_removed': ({ id }) => {
      const name = this.#people.get(id);
      this.#typists.stop(id);
      if (name !== undefined && this.#people.delete(id)) this.#tell({ type: 'left', who: { id, name } });
    },

    /** @param {ChatMessage} message */
    'new-message': (message) => {
      this.#typists.stop(message.senderId);
      this.#tell({ type: 'message', message, state: 'sent' });
      this.#listener.message(message);
    },

    'client-typing-start': (_, meta) => {
      const who = this.#sender(meta);
      if (!who || who.id === this.#me.id) return; // ourselves in another tab
      this.#typists.start(who.id);
      this.#listener.typing(who);
    },

    'client-typing-stop': (_, meta) => {
      const who = this.#sender(meta);
      if (!who) return;
      this.#typists.stop(who.id);
      this.#listener.stoppedTyping(who);
    },

    // From every page that enters, a further tab of somebody who is here too.
    'client-status-ask': () => {
      if (this.#status === 'online' || this.#statusTimer !== undefined) return;
      this.#statusTimer = setTimeout(() => {
        this.#statusTimer = undefined;
        this.#tellStatus();
      }, Math.random() * statusSpread);
    },

    'client-status': (/** @type {{ status?: unknown } | null} */ data, meta) => {
      const who = this.#sender(meta);
      const status = statuses.find((known) => known === data?.status);
      if (!who || !status) return;
      if (who.id === this.#me.id) this.#status = this.#told = status; // chosen in another tab
      this.#tell({ type: 'status', id: who.id, status });
      this.#listener.status(who, status);
    },
  };
}
