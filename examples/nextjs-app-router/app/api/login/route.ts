// POST {name, session}: who you are from now on, kept in a signed cookie.
import { createHash } from 'node:crypto';
import { fields, Refusal, route } from '@/lib/route';
import { writeSession } from '@/lib/session';
import { checkName, isSession, userId } from '@fanfare/room/validation.js';

export const POST = route(async (request) => {
  const { name: input, session } = await fields(request);
  const name = checkName(input);
  if (!name.ok) throw new Refusal(400, name.error);
  if (!isSession(session)) throw new Refusal(400, 'session must be 8 to 64 hex digits.');
  // Everyone sees the id, so it does not tell the session, with which one could log in as this person.
  const tail = createHash('sha256').update(session).digest('hex').slice(0, 32);
  const who = { id: userId(name.value, tail), name: name.value };
  await writeSession(request, who);
  return who;
});
