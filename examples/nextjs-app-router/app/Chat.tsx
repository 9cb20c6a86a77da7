'use client'; // and with it all that it imports: the connection is the browser's

import { useState } from 'react';
import ChatRoom from '@/components/ChatRoom';
import JoinForm from '@/components/JoinForm';
import { forgetStay } from '@fanfare/room/api.js';
import type { Identity, RealtimeSettings, Status } from '@fanfare/room/types.js';

interface ChatProps {
  settings: RealtimeSettings;
  room: string;
}

export default function Chat({ settings, room: asked }: ChatProps) {
  const [stay, setStay] = useState<{ me: Identity; room: string; status: Status } | null>(null);
  const [last, setLast] = useState<{ room: string; refusal: string | null }>({ room: asked, refusal: null });

  const join = (me: Identity, room: string, status: Status) => {
    setStay({ me, room, status });
    // An address to pass on. Through the router it would be a request to the server.
    history.replaceState(null, '', `?${new URLSearchParams({ room })}`);
  };

  const leave = (refusal: string | null) => {
    forgetStay();
    setLast({ room: stay?.room ?? asked, refusal });
    setStay(null);
  };

  return stay
    ? <ChatRoom settings={settings} {...stay} onLeave={() => leave(null)} onRefused={leave} />
    : <JoinForm room={last.room} refusal={last.refusal} onJoin={join} />;
}
