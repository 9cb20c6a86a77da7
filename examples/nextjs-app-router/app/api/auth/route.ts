// POST socket_id, channel_name: lets a connection into a room, under the name of
// its cookie.
import { fanfare, usersIn } from '@/lib/fanfare';
import { fields, loggedIn, Refusal, route } from '@/lib/route';
import { roomOf, slugOfId } from '@fanfare/room/validation.js';

export const POST = route(async (request) => {
  const who = loggedIn(request);
  const { socket_id, channel_name } = await fields(request);
  const room = roomOf(channel_name);
  if (room === null) throw new Refusal(403, 'This channel is not a room.');
  if (typeof socket_id !== 'string' || !/^\d+\.\d+$/.test(socket_id)) throw new Refusal(400, 'socket_id is missing.');
  // The same person in another tab has the same id; the same name with another
  // id is somebody else.
  const others = (await usersIn(room)).filter((id) => id !== who.id);
  if (others.some((id) => slugOfId(id) === slugOfId(who.id))) {
    throw new Refusal(409, `The name ${who.name} is taken in this room.`);
  }
  return fanfare().authorizeChannel(socket_id, String(channel_name), { user_id: who.id, user_info: { name: who.name } });
});
