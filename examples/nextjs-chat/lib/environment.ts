// Settings, read when they are used. `next build` writes the values of
// process.env.NEXT_PUBLIC_… into the code; reading by a computed name avoids
// that, and one build can be started against any server.
import type { RealtimeSettings } from '@fanfare/room/types.js';

/** A variable's value; an empty one counts as unset. */
export const env = (name: string): string | undefined => process.env[name] || undefined;

const flag = (value: string | undefined) => value === 'true' || value === '1';

function port(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new Error(`${name}=${value} is not a port`);
  return number;
}

/** How the API routes reach the server. The defaults are those of `fanfare serve` on a laptop. */
export const serverSettings = () => ({
  appId: env('FANFARE_APP_ID') ?? 'app-id',
  key: env('FANFARE_APP_KEY') ?? 'app-key',
  secret: env('FANFARE_APP_SECRET') ?? 'app-secret',
  host: env('FANFARE_HOST') ?? 'localhost',
  port: port('FANFARE_PORT', env('FANFARE_PORT') ?? '6001'),
  tls: flag(env('FANFARE_TLS')),
});

/** How browsers reach it; what is not set is as for the API routes. */
export function browserSettings(): RealtimeSettings {
  const server = serverSettings();
  const tls = env('NEXT_PUBLIC_FANFARE_TLS');
  return {
    key: env('NEXT_PUBLIC_FANFARE_KEY') ?? server.key,
    host: env('NEXT_PUBLIC_FANFARE_HOST') ?? server.host,
    port: port('NEXT_PUBLIC_FANFARE_PORT', env('NEXT_PUBLIC_FANFARE_PORT') ?? String(server.port)),
    tls: tls === undefined ? server.tls : flag(tls),
  };
}
