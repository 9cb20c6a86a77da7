// A room of the chat as React state: what useSocket was to the Socket.IO app.
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import Pusher from 'pusher-js';
import { recover } from '@fanfare/pusher-js-recovery';
import { realtime } from '@fanfare/room/realtime.js';
import { type RoomCallbacks, RoomStore } from '@fanfare/room/roomStore.js';
import type { Identity, RealtimeSettings, Status } from '@fanfare/room/types.js';
import { useLatest } from './useLatest';

interface UseRoomOptions extends RoomCallbacks {
  settings: RealtimeSettings;
  room: string;
  me: Identity;
  /** Our own at first. */
  status?: Status;
}

export function useRoom({ settings, room, me: { id, name }, status, ...callbacks }: UseRoomOptions) {
  const link = realtime(Pusher, recover, settings);
  const latest = useLatest({ ...callbacks, status });
  const store = useMemo(() => new RoomStore(link, room, { id, name }, latest.current.status), [link, room, id, name, latest]);

  useEffect(() => {
    store.callbacks = {
      onNewMessage: (message) => latest.current.onNewMessage?.(message),
      onUserTyping: (who) => latest.current.onUserTyping?.(who),
      onUserStoppedTyping: (who) => latest.current.onUserStoppedTyping?.(who),
      onUserStatusUpdated: (who, theirs) => latest.current.onUserStatusUpdated?.(who, theirs),
      onRefused: (reason) => latest.current.onRefused?.(reason),
    };
    return store.enter();
  }, [store, latest]);

  const now = useSyncExternalStore(store.subscribe, store.read, store.read);

  return {
    isConnected: now.link.state === 'connected',
    connection: now.link,
    reconnectAttempts: now.link.attempts,
    error: now.link.problem,
    joined: now.joined,
    /** When members were true last, while we are cut off. */
    staleSince: now.staleSince,
    members: now.members,
    messages: now.messages,
    typingUsers: now.typing,
    status: now.status,
    sendMessage: store.send,
    retry: store.retry,
    startTyping: store.startTyping,
    stopTyping: store.stopTyping,
    updateUserStatus: store.setStatus,
    reconnect: store.reconnect,
  };
}
