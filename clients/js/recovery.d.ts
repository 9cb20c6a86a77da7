/** What is needed of a pusher-js. Its class fits, from 7.0 on. */
export interface PusherLike {
  connection: {
    socket_id: string;
    bind(event: string, handler: (data: any) => void): unknown;
    unbind(event?: string, handler?: (data: any) => void): unknown;
  };
  channel(name: string): { subscribed: boolean } | undefined;
  send_event(event: string, data: any, channel?: string): boolean;
}

/**
 * Told that a page has missed events of a channel for good, and why: before any
 * further event of that channel. The reasons are those of docs/history.md.
 */
export type Gap = (channel: string, reason: string) => void;

export interface Recovery {
  /** Ends it: channels that are subscribed later start anew. */
  stop(): void;
}

/**
 * Has a pusher-js get what it missed while it was away, on channels that have a
 * history. Call it once for each pusher-js, before or after it has connected.
 */
export function recover(pusher: PusherLike, options?: { onGap?: Gap }): Recovery;
