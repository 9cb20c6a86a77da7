import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useRoom } from '@/hooks/useRoom';
import { get } from '@fanfare/room/api.js';
import { timeOfDay } from '@fanfare/room/roomStore.js';
import type { Identity, RealtimeSettings, RoomInfo, Status } from '@fanfare/room/types.js';
import Composer from './Composer';
import ConnectionBadge from './ConnectionBadge';
import MemberList from './MemberList';
import MessageList from './MessageList';
import TypingLine from './TypingLine';

interface ChatRoomProps {
  settings: RealtimeSettings;
  room: string;
  me: Identity;
  /** Our own at first. */
  status: Status;
  onLeave: () => void;
  onRefused: (reason: string) => void;
}

export default function ChatRoom({ settings, room, me, status, onLeave, onRefused }: ChatRoomProps) {
  const [unread, setUnread] = useState(0);
  const [showPeople, setShowPeople] = useState(false); // on a phone; elsewhere they always show
  const chat = useRoom({
    settings, room, me, status, onRefused,
    onNewMessage: () => document.hidden && setUnread((n) => n + 1),
  });
  const peopleButton = useRef<HTMLButtonElement>(null);
  const expected = useRoomInfo(room);
  const count = chat.joined ? chat.members.length : expected;
  const asOf = chat.staleSince ? ` at ${timeOfDay(chat.staleSince)}` : '';

  useEffect(() => {
    const seen = () => document.hidden || setUnread(0);
    document.addEventListener('visibilitychange', seen);
    return () => document.removeEventListener('visibilitychange', seen);
  }, []);

  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${room}` : room;
    return () => void (document.title = 'Chat');
  }, [unread, room]);

  const key = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !showPeople) return;
    setShowPeople(false);
    peopleButton.current?.focus();
  };

  return (
    <main className="room" onKeyDown={key}>
      <header className="bar">
        <div className="title">
          <h1>{room}</h1>
          <p className="facts">
            <ConnectionBadge link={chat.connection} />
            <span className="count" data-testid="count">{count === null ? '' : `${count} here${asOf}`}</span>
          </p>
        </div>
        <button className="people" type="button" ref={peopleButton} aria-expanded={showPeople} aria-controls="people" onClick={() => setShowPeople(!showPeople)}>People</button>
        <button className="leave" type="button" onClick={onLeave}>Leave</button>
      </header>
      {chat.error && (
        <p className="banner" role="alert">
          {chat.error}{' '}
          {chat.connection.state === 'disconnected' && <button type="button" onClick={chat.reconnect}>Connect again</button>}
        </p>
      )}
      <div className="columns">
        <section className="talk" aria-label="Chat">
          <MessageList entries={chat.messages} alone={chat.joined ? chat.members.length === 1 : null} myId={me.id} onRetry={chat.retry} />
          <TypingLine names={chat.typingUsers} />
          <Composer onSend={chat.sendMessage} onTyping={chat.startTyping} onStopTyping={chat.stopTyping} />
        </section>
        <aside id="people" className={showPeople ? 'side open' : 'side'} aria-label="Room">
          <MemberList members={chat.members} staleSince={chat.staleSince} status={chat.status} onStatus={chat.updateUserStatus} />
        </aside>
      </div>
    </main>
  );
}

/** How many people are in the room before we are. */
function useRoomInfo(room: string): number | null {
  const [members, setMembers] = useState<number | null>(null);
  const asked = useRef('');
  useEffect(() => {
    asked.current = room;
    get<RoomInfo>(`/api/rooms/${room}`).then(
      (info) => asked.current === room && setMembers(info.members),
      () => {}, // the count appears when we are in
    );
    return () => void (asked.current = '');
  }, [room]);
  return members;
}
