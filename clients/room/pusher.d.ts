// What a room needs of pusher-js. A page hands in its class of pusher-js, which is checked against this there.

export interface Channel {
  name: string;
  subscribed: boolean;
  bind(event: string, handler: (data: any, meta?: { user_id?: string }) => void): unknown;
  unbind(event: string, handler: (data: any, meta?: { user_id?: string }) => void): unknown;
  trigger(event: string, data: object): boolean;
}

export interface Member {
  id: string;
  info?: { name?: unknown };
}

export interface PresenceChannel extends Channel {
  members: { each(callback: (member: Member) => void): void };
}

type Done = (err: Error | null, data: any) => void;

export interface Options {
  cluster: string;
  wsHost: string;
  wsPort: number;
  wssPort: number;
  forceTLS: boolean;
  enabledTransports: 'ws'[];
  activityTimeout: number;
  pongTimeout: number;
  channelAuthorization: { customHandler(request: { socketId: string; channelName: string }, done: Done): void };
  userAuthentication: { customHandler(request: { socketId: string }, done: Done): void };
}

export interface Pusher {
  connection: {
    state: string;
    socket_id: string;
    bind(event: string, handler: (data: any) => void): unknown;
    unbind(event?: string, handler?: (data: any) => void): unknown;
  };
  channel(name: string): Channel;
  send_event(event: string, data: any, channel?: string): boolean;
  connect(): void;
  disconnect(): void;
  signin(): void;
  subscribe(channel: string): Channel;
  unsubscribe(channel: string): void;
}

export type PusherClass = new (key: string, options: Options) => Pusher;

/** recover of @fanfare/pusher-js-recovery. */
export type Recover = (pusher: Pusher) => unknown;
