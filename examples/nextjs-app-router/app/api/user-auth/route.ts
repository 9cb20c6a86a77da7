// POST socket_id: signs a connection in as the user of its cookie, so that the
// server can send to the user, or end the user's connections.
import { fanfare, signInId } from '@/lib/fanfare';
import { fields, loggedIn, Refusal, route } from '@/lib/route';

export const POST = route(async (request) => {
  const who = loggedIn(request);
  const { socket_id } = await fields(request);
  if (typeof socket_id !== 'string' || !/^\d+\.\d+$/.test(socket_id)) throw new Refusal(400, 'socket_id is missing.');
  return fanfare().authenticateUser(socket_id, { id: signInId(who.id), user_info: { name: who.name } });
});
