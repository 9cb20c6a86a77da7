// POST {room, text, id, socketId?}: sends a message to a room as the user of the
// cookie. With a socketId that connection is left out.
import { fanfare, usersIn } from '@/lib/fanfare';
import { fields, loggedIn, Refusal, route } from '@/lib/route';
import type { ChatMessage } from '@fanfare/room/types.js';
import { channelOf, checkRoom, checkText, isMessageId } from '@fanfare/room/validation.js';

export const POST = route(async (request) => {
  const who = loggedIn(request);
  const { room: toRoom, text: input, id, socketId } = await fields(request);
  const room = checkRoom(toRoom);
  if (!room.ok) throw new Refusal(400, room.error);
  const text = checkText(input);
  if (!text.ok) throw new Refusal(400, text.error);
  if (!isMessageId(id)) throw new Refusal(400, 'id must be 1 to 64 letters, digits, _ or -.');
  if (socketId !== undefined && (typeof socketId !== 'string' || !/^\d+\.\d+$/.test(socketId))) {
    throw new Refusal(400, 'socketId is not one.');
  }
  if (!(await usersIn(room.value)).includes(who.id)) throw new Refusal(403, 'You are not in this room.');
  const message: ChatMessage = {
    id,
    text: text.value,
    senderId: who.id,
    senderName: who.name,
    timestamp: new Date().toISOString(),
  };
  await fanfare().trigger(channelOf(room.value), 'new-message', message, socketId ? { socket_id: socketId } : undefined);
  return message;
});
