// Settings, read when they are used. `next build` writes the values of
// process.env.NEXT_PUBLIC_… into the code; reading by a computed name avoids
// that, and one build can be started against any server.
import type { RealtimeSettings } from '@fanfare/room/types.js';

/** A variable's value; an empty one counts as unset. */
export const env = (name: string): string | undefined => process.env[name] || undefined;

function tls(name: string, scheme: string): boolean {
  if (scheme !== 'http' && scheme !== 'https') throw new Error(`${name}=${scheme} is neither http nor https`);
  return scheme === 'https';
}

function port(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new Error(`${name}=${value} is not a port`);
  return number;
}

/** How the API routes reach the server. The defaults are those of `fanfare serve` on a laptop. */
export const serverSettings = () => ({
  appId: env('PUSHER_APP_ID') ?? 'app-id',
  key: env('PUSHER_APP_KEY') ?? 'app-key',
  secret: env('PUSHER_APP_SECRET') ?? 'app-secret',
  host: env('PUSHER_HOST') ?? 'localhost',
  port: port('PUSHER_PORT', env('PUSHER_PORT') ?? '6001'),
  tls: tls('PUSHER_SCHEME', env('PUSHER_SCHEME') ?? 'http'),
});

/** How browsers reach it; what is not set is as for the API routes. */
export function browserSettings(): RealtimeSettings {
  const server = serverSettings();
  return {
    key: env('NEXT_PUBLIC_PUSHER_KEY') ?? server.key,
    host: env('NEXT_PUBLIC_PUSHER_HOST') ?? server.host,
    port: port('NEXT_PUBLIC_PUSHER_PORT', env('NEXT_PUBLIC_PUSHER_PORT') ?? String(server.port)),
    tls: tls('NEXT_PUBLIC_PUSHER_SCHEME', env('NEXT_PUBLIC_PUSHER_SCHEME') ?? (server.tls ? 'https' : 'http')),
  };
}
