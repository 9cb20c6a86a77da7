// Who a request comes from: a cookie that only we can have written.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { cookies } from 'next/headers';
import type { NextRequest } from 'next/server';
import { env, serverSettings } from './environment';
import type { Identity } from '@fanfare/room/types.js';

const cookie = 'chat_session';
const lifetime = 30 * 24 * 60 * 60; // seconds

// Every instance must agree on the key, so it is configured or derived from the
// secret they share anyway, never random.
const signingKey = () =>
  env('CHAT_SESSION_SECRET') ??
  createHmac('sha256', serverSettings().secret).update('fanfare nextjs-app-router session').digest();

const sign = (payload: string) => createHmac('sha256', signingKey()).update(payload).digest('base64url');

const isHttps = (request: NextRequest) =>
  (request.headers.get('x-forwarded-proto')?.split(',')[0] ?? request.nextUrl.protocol.slice(0, -1)) === 'https';

/** For a route handler or a server action; a page that is rendered cannot set cookies. */
export async function writeSession(request: NextRequest, who: Identity) {
  const expires = Math.floor(Date.now() / 1000) + lifetime;
  const payload = Buffer.from(JSON.stringify({ id: who.id, name: who.name, expires })).toString('base64url');
  (await cookies()).set(cookie, `${payload}.${sign(payload)}`, {
    path: '/', maxAge: lifetime, httpOnly: true, sameSite: 'lax', secure: isHttps(request),
  });
}

/**
 * The identity in the cookie, or null. Two tabs of a browser can be two people
 * while they share one cookie, so a page says whom it takes itself for; a cookie
 * of somebody else counts as none, and the page logs in again.
 */
export function readSession(request: NextRequest): Identity | null {
  const [payload, signature, ...rest] = (request.cookies.get(cookie)?.value ?? '').split('.');
  if (!payload || !signature || rest.length > 0) return null;
  const expected = Buffer.from(sign(payload));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const { id, name, expires } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Identity & { expires: number };
  if (expires * 1000 < Date.now()) return null;
  const claimed = request.headers.get('x-chat-user');
  if (claimed !== null && claimed !== encodeURIComponent(id)) return null;
  return { id, name };
}
