// One stay in one room: from enter to leave, over any number of lost connections.
import type { PresenceChannel } from 'pusher-js';
import { ApiError, post } from './api';
import type { Realtime } from './realtime';
import type { RoomEvent } from './roomState';
import { statuses, type ChatMessage, type Identity, type Status } from './types';
import { TypingSender, TypingUsers } from './typing';
import { channelOf } from './validation';

/** true: the sender's page gets its own messages back from the server, too. */
const echo = false;

const patience = 10_000; // ms a message may wait until the room is entered
const statusSpread = 500; // ms over which a whole room tells a newcomer its statuses
const returnTime = 40_000; // ms others have to come back after we lost the server

type Timer = ReturnType<typeof setTimeout>;

export interface RoomListener {
  change(event: RoomEvent): void;
  entered(): void;
  refused(reason: string): void;
  message(message: ChatMessage): void;
  typing(who: Identity): void;
  stoppedTyping(who: Identity): void;
  status(who: Identity, status: Status): void;
}

export class Room {
  private channel!: PresenceChannel;
  private people = new Map<string, string>(); // names by id
  private away = new Map<string, string>(); // those who were here when we lost the server
  private waiting = new Map<string, { text: string; timer: Timer }>(); // messages until we are in
  private status: Status = 'online';
  private told: Status = 'online'; // what the room believes of us
  private lost = false;
  private over = false;
  private statusTimer: Timer | undefined;
  private awayTimer: Timer | undefined;
  private typists = new TypingUsers((ids) => this.tell({ type: 'typing', ids }));
  private ownTyping = new TypingSender((event) => this.trigger(event, {}));
  private release = () => {};
  private unlisten = () => {};

  constructor(
    private readonly link: Realtime,
    private readonly room: string,
    private readonly me: Identity,
    private readonly listener: RoomListener,
  ) {}

  /** Joins now, or as soon as there is a connection, and again after each new one. */
  enter() {
    this.release = this.link.hold();
    this.unlisten = this.link.subscribe(this.onLink);
    this.channel = this.link.pusher.subscribe(channelOf(this.room)) as PresenceChannel;
    for (const [event, handler] of Object.entries(this.handlers)) this.channel.bind(event, handler);
  }

  leave() {
    this.over = true;
    for (const [event, handler] of Object.entries(this.handlers)) this.channel.unbind(event, handler);
    this.unlisten();
    this.ownTyping.clear();
    this.typists.clear();
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
    clearTimeout(this.statusTimer);
    clearTimeout(this.awayTimer);
    // In this order: on a connection that stays, the server is told; on one that was
    // closed the channel is forgotten, and not joined again with the next one.
    this.release();
    this.link.pusher.unsubscribe(this.channel.name);
  }

  /** Sends a message, or sends it again: with the same id it is shown once. */
  async send(id: string, text: string) {
    const { state } = this.link.read();
    if (state === 'reconnecting' || state === 'disconnected') return this.fail(id, 'You are not connected.');
    if (!this.channel.subscribed) {
      const timer = setTimeout(() => this.waiting.delete(id) && this.fail(id, 'The room could not be entered in time.'), patience);
      this.waiting.set(id, { text, timer });
      return;
    }
    try {
      const socketId = echo ? undefined : this.link.pusher.connection.socket_id;
      const message = await post<ChatMessage>('/api/messages', { room: this.room, text, id, socketId });
      this.tell({ type: 'sent', message });
    } catch (err) {
      this.fail(id, err instanceof ApiError ? err.message : 'The message could not be sent.');
    }
  }

  startTyping = () => this.ownTyping.key();

  stopTyping = () => this.ownTyping.stop();

  setStatus(status: Status) {
    this.status = status;
    if (status !== this.told) this.tellStatus();
  }

  private tell(event: RoomEvent) {
    if (!this.over) this.listener.change(event);
  }

  private fail(id: string, problem: string) {
    this.tell({ type: 'failed', id, senderId: this.me.id, problem });
  }

  private trigger(event: string, data: object): boolean {
    return this.channel.subscribed && this.link.read().state === 'connected' && this.channel.trigger(event, data);
  }

  private tellStatus() {
    if (this.trigger('client-status', { status: this.status })) this.told = this.status;
  }

  // Takes the waiting messages out, for one thing to be done with each.
  private endWaiting(then: (id: string, text: string) => void) {
    const list = [...this.waiting];
    this.waiting.clear();
    for (const [id, { text, timer }] of list) {
      clearTimeout(timer);
      then(id, text);
    }
  }

  private onLink = () => {
    const { state } = this.link.read();
    const lost = state === 'reconnecting' || state === 'disconnected';
    if (lost && !this.lost) {
      for (const [id, name] of this.people) if (id !== this.me.id) this.away.set(id, name);
      clearTimeout(this.awayTimer);
      clearTimeout(this.statusTimer);
      this.statusTimer = undefined;
      this.ownTyping.clear();
      this.typists.clear();
      this.endWaiting((id) => this.fail(id, 'The connection was lost.'));
    }
    this.lost = lost;
  };

  // Who sent an event is what the server says (meta.user_id), not what the data says.
  private sender(meta: { user_id?: string } | undefined): Identity | null {
    const name = meta?.user_id === undefined ? undefined : this.people.get(meta.user_id);
    return name === undefined ? null : { id: meta!.user_id!, name };
  }

  private handlers: Record<string, (data: any, meta?: { user_id?: string }) => void> = {
    'pusher:subscription_succeeded': () => {
      this.people.clear();
      this.channel.members.each(({ id, info }: { id: string; info?: { name?: unknown } }) => {
        this.people.set(id, String(info?.name ?? id));
        this.away.delete(id);
      });
      this.tell({ type: 'entered', people: new Map(this.people) });
      this.listener.entered();
      // The others come back one by one after a loss, as we do. That is not worth a
      // notice; that somebody did not come back is.
      clearTimeout(this.awayTimer);
      this.awayTimer = setTimeout(() => {
        for (const [id, name] of this.away) this.tell({ type: 'left', who: { id, name } });
        this.away.clear();
      }, returnTime);
      this.trigger('client-status-ask', {});
      if (this.status !== 'online' || this.told !== 'online') this.tellStatus();
      this.endWaiting((id, text) => void this.send(id, text));
    },

    'pusher:subscription_error': ({ type, error }: { type?: string; error?: string }) => {
      this.listener.refused(type === 'LimitReached' ? `The room ${this.room} is full.` : (error ?? 'The server refused you.'));
    },

    'pusher:member_added': ({ id, info }: { id: string; info?: { name?: unknown } }) => {
      const who = { id, name: String(info?.name ?? id) };
      this.people.set(id, who.name);
      this.tell({ type: 'joined', who, quietly: this.away.delete(id) });
    },

    'pusher:member_removed': ({ id }: { id: string }) => {
      const name = this.people.get(id);
      this.typists.stop(id);
      if (name !== undefined && this.people.delete(id)) this.tell({ type: 'left', who: { id, name } });
    },

    'new-message': (message: ChatMessage) => {
      this.typists.stop(message.senderId);
      this.tell({ type: 'message', message, state: 'sent' });
      this.listener.message(message);
    },

    'client-typing-start': (_, meta) => {
      const who = this.sender(meta);
      if (!who || who.id === this.me.id) return; // ourselves in another tab
      this.typists.start(who.id);
      this.listener.typing(who);
    },

    'client-typing-stop': (_, meta) => {
      const who = this.sender(meta);
      if (!who) return;
      this.typists.stop(who.id);
      this.listener.stoppedTyping(who);
    },

    // From every page that enters, a further tab of somebody who is here too.
    'client-status-ask': () => {
      if (this.status === 'online' || this.statusTimer !== undefined) return;
      this.statusTimer = setTimeout(() => {
        this.statusTimer = undefined;
        this.tellStatus();
      }, Math.random() * statusSpread);
    },

    'client-status': (data: { status?: unknown } | null, meta) => {
      const who = this.sender(meta);
      const status = statuses.find((known) => known === data?.status);
      if (!who || !status) return;
      if (who.id === this.me.id) this.status = this.told = status; // chosen in another tab
      this.tell({ type: 'status', id: who.id, status });
      this.listener.status(who, status);
    },
  };
}
