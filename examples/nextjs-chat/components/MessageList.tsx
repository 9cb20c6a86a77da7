import { useLayoutEffect, useRef, useState } from 'react';
import type { Entry } from '@/lib/types';

const near = 40; // px from the bottom that still count as reading the end

interface MessageListProps {
  entries: readonly Entry[];
  myId: string;
  onRetry: (id: string) => void;
}

export default function MessageList({ entries, myId, onRetry }: MessageListProps) {
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
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
    const observer = new ResizeObserver(() => atEnd.current && toEnd());
    observer.observe(list.current!);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = list.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < near;
    if (atEnd.current) setUnseen(false);
  };

  return (
    <div className="conversation">
      <div className="messages" data-testid="messages" role="log" aria-live="polite" aria-label="Conversation"
        tabIndex={0} ref={list} onScroll={onScroll}>
        {entries.map((entry, i) => <Line key={keyOf(entry)} entry={entry} before={entries[i - 1]} myId={myId} onRetry={onRetry} />)}
      </div>
      {unseen && <button className="jump" type="button" onClick={toEnd}>New below</button>}
    </div>
  );
}

const keyOf = (entry: Entry) => (entry.kind === 'notice' ? `notice ${entry.id}` : `${entry.senderId} ${entry.id}`);

interface LineProps extends Omit<MessageListProps, 'entries'> {
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

const timeOfDay = (timestamp: string) => new Date(timestamp).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
