import type { GetServerSideProps } from 'next';
import Head from 'next/head';
import { useRouter } from 'next/router';
import { useState } from 'react';
import ChatRoom from '@/components/ChatRoom';
import JoinForm from '@/components/JoinForm';
import { browserSettings } from '@/lib/environment';
import { forgetStay } from '@fanfare/room/api.js';
import type { Identity, RealtimeSettings, Status } from '@fanfare/room/types.js';

interface PageProps {
  settings: RealtimeSettings;
  room: string;
}

// On the server at every request, so that a build knows no server's address.
export const getServerSideProps: GetServerSideProps<PageProps> = async ({ query }) => ({
  props: { settings: browserSettings(), room: typeof query.room === 'string' ? query.room : 'lobby' },
});

export default function Page({ settings, room: asked }: PageProps) {
  const router = useRouter();
  const [stay, setStay] = useState<{ me: Identity; room: string; status: Status } | null>(null);
  const [last, setLast] = useState<{ room: string; refusal: string | null }>({ room: asked, refusal: null });

  const join = (me: Identity, room: string, status: Status) => {
    setStay({ me, room, status });
    void router.replace({ query: { room } }, undefined, { shallow: true }); // an address to pass on
  };

  const leave = (refusal: string | null) => {
    forgetStay();
    setLast({ room: stay?.room ?? asked, refusal });
    setStay(null);
  };

  return (
    <>
      <Head>
        <title>Chat</title>
        <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content" />
      </Head>
      {stay
        ? <ChatRoom settings={settings} {...stay} onLeave={() => leave(null)} onRefused={leave} />
        : <JoinForm room={last.room} refusal={last.refusal} onJoin={join} />}
    </>
  );
}
