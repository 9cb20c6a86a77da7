// What all route handlers do the same way.
import type { NextRequest } from 'next/server';
import { readSession } from './session';
import type { Identity } from '@fanfare/room/types.js';

/** An answer other than 200, thrown; its sentence is shown to people. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

const answerWith = (status: number, body: unknown) => Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } });

/** A handler. What `answer` returns is the JSON answer; what it throws becomes {"error"}. */
export const route = <Context>(answer: (request: NextRequest, context: Context) => unknown) =>
  async (request: NextRequest, context: Context): Promise<Response> => {
    try {
      return answerWith(200, await answer(request, context));
    } catch (err) {
      if (err instanceof Refusal) return answerWith(err.status, { error: err.message });
      console.error(`${request.method} ${request.nextUrl.pathname}:`, err instanceof Error ? err.message : err);
      return answerWith(503, { error: 'The chat server cannot be reached.' });
    }
  };

export function loggedIn(request: NextRequest): Identity {
  const who = readSession(request);
  if (!who) throw new Refusal(401, 'Please log in.');
  return who;
}

const maxBody = 64 * 1024; // bytes; Next.js itself has no bound here

/** The fields of a JSON or form body; none for anything else. */
export async function fields(request: NextRequest): Promise<Record<string, unknown>> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim();
  const text = await bodyOf(request);
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(text));
  if (type !== 'application/json') return {};
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? { ...body } : {};
  } catch {
    throw new Refusal(400, 'The body is not JSON.');
  }
}

async function bodyOf(request: NextRequest): Promise<string> {
  const decoder = new TextDecoder();
  let [text, size] = ['', 0];
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBody) throw new Refusal(413, 'The body is too long.');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
