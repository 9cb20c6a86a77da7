import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ApiError, keptStay, login, store, stored } from '@fanfare/room/api.js';
import type { Identity, Status } from '@fanfare/room/types.js';
import { checkName, checkRoom } from '@fanfare/room/validation.js';

interface Problem {
  field?: 'name' | 'room';
  text: string;
}

interface JoinFormProps {
  room: string;
  /** Why the last try to join failed. */
  refusal: string | null;
  onJoin: (me: Identity, room: string, status: Status) => void;
}

export default function JoinForm({ room: firstRoom, refusal, onJoin }: JoinFormProps) {
  const [name, setName] = useState('');
  const [room, setRoom] = useState(firstRoom);
  const [problem, setProblem] = useState<Problem | null>(refusal ? { text: refusal } : null);
  // Until React listens, the browser would submit the form its own way.
  const [ready, setReady] = useState(false);
  const [busy, setBusy] = useState(false);
  const nameField = useRef<HTMLInputElement>(null);
  const roomField = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const before = keptStay();
    setName(before?.name ?? stored('chat-name') ?? '');
    setReady(true);
    // Loaded anew: back to where this tab was, unless the address names another room.
    if (before?.room === firstRoom) void enter(before.name, before.room, before.status);
  }, []);

  useEffect(() => {
    if (ready) nameField.current?.select(); // another name replaces the last one
  }, [ready]);

  const show = (field: 'name' | 'room', text: string) => {
    setProblem({ field, text });
    (field === 'name' ? nameField : roomField).current?.focus();
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const goodName = checkName(name);
    if (!goodName.ok) return show('name', goodName.error);
    const goodRoom = checkRoom(room);
    if (!goodRoom.ok) return show('room', goodRoom.error);
    await enter(goodName.value, goodRoom.value, 'online');
  };

  const enter = async (as: string, into: string, status: Status) => {
    setProblem(null);
    setBusy(true);
    try {
      const me = await login(as);
      store('chat-name', me.name);
      onJoin(me, into, status);
    } catch (err) {
      setBusy(false);
      setProblem({ text: err instanceof ApiError ? err.message : 'Joining failed.' });
    }
  };

  const alert = (field?: 'name' | 'room') =>
    problem && problem.field === field && <p className="error" role="alert" id="problem">{problem.text}</p>;
  const described = (field: 'name' | 'room') =>
    problem?.field === field ? ({ 'aria-invalid': true, 'aria-describedby': 'problem' } as const) : {};

  return (
    <main className="join">
      <form className="card" onSubmit={submit} noValidate>
        <h1>Join the chat</h1>
        <p className="muted">Everyone in a room sees who is there, who is typing, and every message as it is sent.</p>
        {alert()}
        <fieldset disabled={!ready || busy}>
          <div className="field">
            <label htmlFor="name">Your name</label>
            <input id="name" ref={nameField} value={name} onChange={(e) => setName(e.target.value)} autoComplete="nickname" {...described('name')} />
            {alert('name')}
          </div>
          <div className="field">
            <label htmlFor="room">Room</label>
            <input id="room" ref={roomField} value={room} onChange={(e) => setRoom(e.target.value)} autoCapitalize="none" autoComplete="off" spellCheck={false} {...described('room')} />
            {alert('room')}
          </div>
          <button className="primary" type="submit">{busy ? 'Joining…' : 'Join'}</button>
        </fieldset>
      </form>
    </main>
  );
}
