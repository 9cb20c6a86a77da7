// A room of the chat as React state: what useSocket was to the Socket.IO app.
import { useCallback, useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from 'react';
import Pusher from 'pusher-js';
import { randomHex } from '@fanfare/room/api.js';
import { realtime } from '@fanfare/room/realtime.js';
import { Room } from '@fanfare/room/room.js';
import { emptyRoom, roomReducer } from '@fanfare/room/roomState.js';
import type { ChatMessage, Identity, Member, RealtimeSettings, Status } from '@fanfare/room/types.js';
import { type Checked, checkText } from '@fanfare/room/validation.js';
import { useLatest } from './useLatest';

interface UseRoomOptions {
  settings: RealtimeSettings;
  room: string;
  me: Identity;
  /** Called for messages of others, and for our own from another tab. */
  onNewMessage?: (message: ChatMessage) => void;
  onUserTyping?: (who: Identity) => void;
  onUserStoppedTyping?: (who: Identity) => void;
  onUserStatusUpdated?: (who: Identity, status: Status) => void;
  /** The room will not have us: the name is taken, say, or the room is full. */
  onRefused?: (reason: string) => void;
}

export function useRoom({ settings, room, me: { id, name }, ...callbacks }: UseRoomOptions) {
  const link = realtime(Pusher, settings);
  const connection = useSyncExternalStore(link.subscribe, link.read, link.read);
  const [state, dispatch] = useReducer(roomReducer, emptyRoom);
  const [joined, setJoined] = useState(false);
  const [status, setStatus] = useState<Status>('online');
  const latest = useLatest({ ...callbacks, entries: state.entries, status });
  const stay = useRef<Room>(null);

  useEffect(() => {
    const entered = new Room(link, room, { id, name }, {
      change: dispatch,
      entered: () => setJoined(true),
      refused: (reason) => latest.current.onRefused?.(reason),
      message: (message) => latest.current.onNewMessage?.(message),
      typing: (who) => latest.current.onUserTyping?.(who),
      stoppedTyping: (who) => latest.current.onUserStoppedTyping?.(who),
      status: (who, theirs) => {
        if (who.id === id) setStatus(theirs);
        else latest.current.onUserStatusUpdated?.(who, theirs);
      },
    });
    stay.current = entered;
    entered.enter();
    entered.setStatus(latest.current.status);
    return () => {
      stay.current = null;
      entered.leave();
      dispatch({ type: 'emptied' });
      setJoined(false);
    };
  }, [link, room, id, name, latest]);

  /** Shows a message at once and sends it; says why if it cannot be a message. */
  const sendMessage = useCallback((input: string): Checked<string> => {
    const text = checkText(input);
    if (!text.ok || !stay.current) return text;
    const message = { id: randomHex(16), text: text.value, senderId: id, senderName: name, timestamp: new Date().toISOString() };
    dispatch({ type: 'message', message, state: 'sending' });
    stay.current.stopTyping();
    void stay.current.send(message.id, message.text);
    return text;
  }, [id, name]);

  /** Sends a failed message again, under the id it had. */
  const retry = useCallback((messageId: string) => {
    const entry = latest.current.entries.find((e) => e.kind === 'message' && e.id === messageId && e.senderId === id);
    if (entry?.kind !== 'message' || entry.state !== 'failed') return;
    dispatch({ type: 'sending', id: messageId, senderId: id });
    void stay.current?.send(messageId, entry.text);
  }, [latest, id]);

  const startTyping = useCallback(() => stay.current?.startTyping(), []);
  const stopTyping = useCallback(() => stay.current?.stopTyping(), []);

  const updateUserStatus = useCallback((own: Status) => {
    setStatus(own);
    stay.current?.setStatus(own);
  }, []);

  const reconnect = useCallback(() => link.connect(), [link]);

  const members = useMemo(() => {
    const list = [...state.people].map(([memberId, memberName]): Member => {
      const me = memberId === id;
      return { id: memberId, name: memberName, me, status: me ? status : (state.statuses.get(memberId) ?? 'online') };
    });
    return list.sort((a, b) => Number(b.me) - Number(a.me) || a.name.localeCompare(b.name));
  }, [state.people, state.statuses, status, id]);

  const typingUsers = useMemo(
    () => state.typing.map((typist) => state.people.get(typist)).filter((typist) => typist !== undefined),
    [state.typing, state.people]);

  return {
    isConnected: connection.state === 'connected',
    connectionState: connection.state,
    reconnectAttempts: connection.attempts,
    error: connection.problem,
    joined,
    members,
    messages: state.entries,
    typingUsers,
    status,
    sendMessage,
    retry,
    startTyping,
    stopTyping,
    updateUserStatus,
    reconnect,
  };
}
