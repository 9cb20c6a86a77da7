import { useLayoutEffect, useRef, useState } from 'react';
import { colourOf, initial } from '@fanfare/room/avatar.js';
import { timeOfDay } from '@fanfare/room/roomStore.js';
import type { Entry } from '@fanfare/room/types.js';

const near = 40; // px from the bottom that still count as reading the end

interface MessageListProps {
  entries: readonly Entry[];
  /** Nobody else is here; null before we are. */
  alone: boolean | null;
  myId: string;
  onRetry: (id: string) => void;
}

export default function MessageList({ entries, alone, myId, onRetry }: MessageListProps) {
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const size = useRef('');
  const [unseen, setUnseen] = useState(false);
  const last = entries.at(-1);
  const lastKey = last && keyOf(last);
  const lastIsMine = last?.kind === 'message' && last.senderId === myId;

  const toEnd = () => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
    atEnd.current = true;
    setUnseen(false);
  };

  // Whoever has scrolled up to read is left there, unless they speak themselves.
  useLayoutEffect(() => {
    if (lastKey === undefined) return;
    if (atEnd.current || lastIsMine) toEnd();
    else setUnseen(true);
  }, [lastKey, lastIsMine]);

  // The keyboard of a phone or a taller composer takes room from below.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      size.current = sizeOf(list.current!);
      if (atEnd.current) toEnd();
    });
    observer.observe(list.current!);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    if (sizeOf(list.current!) !== size.current) return; // the browser scrolled, as the list has another size
    const { scrollTop, scrollHeight, clientHeight } = list.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < near;
    if (atEnd.current) setUnseen(false);
  };

  // The button that was pressed vanishes; whoever uses the keyboard stays near it.
  const stay = () => list.current?.focus({ preventScroll: true });

  const retry = (id: string) => {
    onRetry(id);
    stay();
  };

  const jump = () => {
    toEnd();
    stay();
  };

  return (
    <div className="conversation">
      {alone !== null && entries.length === 0 && (
        <p className="hint">{alone ? 'Nobody else is here yet. Open this page in a private window and join under another name.' : 'Nothing has been said since you came.'}</p>
      )}
      <div className="messages" data-testid="messages" role="log" aria-live="polite" aria-label="Conversation"
        tabIndex={0} ref={list} onScroll={onScroll}>
        {entries.map((entry, i) => <Line key={keyOf(entry)} entry={entry} before={entries[i - 1]} myId={myId} onRetry={retry} />)}
      </div>
      {unseen && <button className="jump" type="button" onClick={jump}>New below</button>}
    </div>
  );
}

const sizeOf = ({ clientWidth, clientHeight }: Element) => `${clientWidth} ${clientHeight}`;

const keyOf = (entry: Entry) => (entry.kind === 'notice' ? `notice ${entry.id}` : `${entry.senderId} ${entry.id}`);

interface LineProps extends Omit<MessageListProps, 'entries' | 'alone'> {
  entry: Entry;
  before: Entry | undefined;
}

function Line({ entry, before, myId, onRetry }: LineProps) {
  if (entry.kind === 'notice') return <p className="notice" data-kind="notice">{entry.text}</p>;
  const continued = before?.kind === 'message' && before.senderId === entry.senderId;
  const mine = entry.senderId === myId;
  return (
    <article className={`message${mine ? ' mine' : ''}${continued ? ' continued' : ''}`}
      data-kind="message" data-sender={entry.senderName} data-state={entry.state}>
      {!continued && <span className="avatar" data-colour={colourOf(entry.senderName)} aria-hidden="true">{initial(entry.senderName)}</span>}
      <p className="byline">
        <span className="name">{entry.senderName}</span>{' '}
        <time dateTime={entry.timestamp}>{timeOfDay(entry.timestamp)}</time>
      </p>
      <p className="text">{entry.text}</p>
      {entry.state === 'sending' && <p className="delivery">Sending…</p>}
      {entry.state === 'failed' && (
        <p className="delivery failed">
          Not sent. {entry.problem}{' '}
          <button type="button" onClick={() => onRetry(entry.id)}>Retry</button>
        </p>
      )}
    </article>
  );
}
