// Who a request comes from: a cookie that only we can have written.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { NextApiRequest, NextApiResponse } from 'next';
import { env, serverSettings } from './environment';
import type { Identity } from '@fanfare/room/types.js';

const cookie = 'chat_session';
const lifetime = 30 * 24 * 60 * 60; // seconds

// Every instance must agree on the key, so it is configured or derived from the
// secret they share anyway, never random.
const signingKey = () =>
  env('CHAT_SESSION_SECRET') ??
  createHmac('sha256', serverSettings().secret).update('fanfare nextjs-chat session').digest();

const sign = (payload: string) => createHmac('sha256', signingKey()).update(payload).digest('base64url');

const isHttps = (req: NextApiRequest) =>
  'encrypted' in req.socket || req.headers['x-forwarded-proto']?.toString().split(',')[0] === 'https';

export function writeSession(req: NextApiRequest, res: NextApiResponse, who: Identity) {
  const expires = Math.floor(Date.now() / 1000) + lifetime;
  const payload = Buffer.from(JSON.stringify({ id: who.id, name: who.name, expires })).toString('base64url');
  const secure = isHttps(req) ? '; Secure' : '';
  res.setHeader('Set-Cookie',
    `${cookie}=${payload}.${sign(payload)}; Path=/; Max-Age=${lifetime}; HttpOnly; SameSite=Lax${secure}`);
}

/**
 * The identity in the cookie, or null. Two tabs of a browser can be two people
 * while they share one cookie, so a page says whom it takes itself for; a cookie
 * of somebody else counts as none, and the page logs in again.
 */
export function readSession(req: NextApiRequest): Identity | null {
  const [payload, signature, ...rest] = (req.cookies[cookie] ?? '').split('.');
  if (!payload || !signature || rest.length > 0) return null;
  const expected = Buffer.from(sign(payload));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const { id, name, expires } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Identity & { expires: number };
  if (expires * 1000 < Date.now()) return null;
  const claimed = req.headers['x-chat-user'];
  if (claimed !== undefined && claimed !== encodeURIComponent(id)) return null;
  return { id, name };
}
