// The realtime server, as the API routes use it.
import { createHash } from 'node:crypto';
import Pusher from 'pusher';
import { serverSettings } from './environment';
import { channelOf } from '@fanfare/room/validation.js';

let made: Pusher | undefined;

/** One SDK client per process; it holds settings, no connection. */
export function fanfare(): Pusher {
  const { tls, port, ...rest } = serverSettings();
  return (made ??= new Pusher({ ...rest, port: String(port), useTLS: tls, timeout: 5000 }));
}

/** The ids of the people in a room now. */
export async function usersIn(room: string): Promise<string[]> {
  const response = await fanfare().get({ path: `/channels/${channelOf(room)}/users` });
  const { users } = (await response.json()) as { users: { id: string }[] };
  return users.map((user) => user.id);
}

/**
 * The id somebody signs in with, for sendToUser and terminateUserConnections.
 * Such ids end up in channel names, which take no letters beyond A to Z; ids of
 * presence members may be any text.
 */
export const signInId = (userId: string) => createHash('sha256').update(userId).digest('hex');
