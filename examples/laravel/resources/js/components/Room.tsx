import { configureEcho, echo, useEchoPresence } from '@laravel/echo-react';
import { useEffect, useState } from 'react';

// Once, in app.tsx. What is not given comes from VITE_REVERB_… of .env.
configureEcho({ broadcaster: 'reverb' });

type Message = { author: string; text: string };
type Person = { id: number; name: string };

const without = (people: Person[], person: Person) => people.filter((p) => p.id !== person.id);

export default function Room({ room }: { room: string }) {
    const [messages, setMessages] = useState<Message[]>([]);
    const [people, setPeople] = useState<Person[]>([]);

    const { channel } = useEchoPresence<Message>(`rooms.${room}`, 'MessageSent', (message) => {
        setMessages((all) => [...all, message]);
    });

    useEffect(() => {
        channel()
            ?.here((here: Person[]) => setPeople(here))
            .joining((person: Person) => setPeople((all) => [...without(all, person), person]))
            .leaving((person: Person) => setPeople((all) => without(all, person)));
    }, [room]);

    const send = async (form: FormData) => {
        const text = String(form.get('text'));
        await fetch(`/rooms/${room}/messages`, {
            method: 'POST',
            // fetch does not know Echo: without the socket id one's own message comes back.
            headers: {
                'Content-Type': 'application/json',
                Accept: 'application/json',
                'X-Socket-ID': echo().socketId() ?? '',
                'X-CSRF-TOKEN': document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? '',
            },
            body: JSON.stringify({ text }),
        });
        setMessages((all) => [...all, { author: 'me', text }]);
    };

    return (
        <section>
            <p>{people.map((p) => p.name).join(', ')}</p>
            <ul>
                {messages.map((m, i) => (
                    <li key={i}>
                        {m.author}: {m.text}
                    </li>
                ))}
            </ul>
            <form action={send}>
                <input name="text" required maxLength={2000} />
            </form>
        </section>
    );
}
