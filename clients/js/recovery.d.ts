/** The members of pusher-js that the package uses. Pusher of pusher-js 7.0 and later has them. */
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
 * Called when events of a channel are lost, with the reason, before any further
 * event of that channel. docs/history.md lists the reasons.
 */
export type Gap = (channel: string, reason: string) => void;

export interface Recovery {
  /** Ends recovery: later subscriptions name no serial. */
  stop(): void;
}

/**
 * Makes a pusher-js object receive the events that it missed while it was
 * disconnected, on channels with a history. Call it once for each object, before
 * or after it has connected.
 */
export function recover(pusher: PusherLike, options?: { onGap?: Gap }): Recovery;
