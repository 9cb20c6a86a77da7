// GET: who is in a room now.
import { usersIn } from '@/lib/fanfare';
import { Refusal, route } from '@/lib/route';
import type { RoomInfo } from '@fanfare/room/types.js';
import { checkRoom } from '@fanfare/room/validation.js';

export const GET = route(async (_, { params }: { params: Promise<{ room: string }> }): Promise<RoomInfo> => {
  const room = checkRoom((await params).room);
  if (!room.ok) throw new Refusal(400, room.error);
  const users = await usersIn(room.value);
  return { room: room.value, members: users.length, users };
});
