// The page's calls to the API routes. One page is one person at a time.
import type { Identity } from './types';
import { isSession } from './validation';

/** An answer other than 200, or none (status 0). Its message can be shown. */
export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }

  /** The same call may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

let me: Identity | undefined;
let loggingIn: Promise<Identity> | undefined;

export async function login(name: string): Promise<Identity> {
  me = await call<Identity>('/api/login', json({ name, session: session() }));
  return me;
}

/** A POST as the person who logged in. If the API has forgotten them, logs in again by itself. */
export async function post<T>(path: string, body: Record<string, unknown> | URLSearchParams): Promise<T> {
  const who = me;
  const init = body instanceof URLSearchParams ? form(body) : json(body);
  const claim = { ...init, headers: { ...init.headers, 'X-Chat-User': encodeURIComponent(who?.id ?? '') } };
  try {
    return await call<T>(path, claim);
  } catch (err) {
    if (!(err instanceof ApiError && err.status === 401) || !who) throw err;
    // Many calls may find out at once; one of them logs in.
    loggingIn ??= login(who.name).finally(() => (loggingIn = undefined));
    await loggingIn;
    return call<T>(path, claim);
  }
}

export const get = <T>(path: string) => call<T>(path, {});

async function call<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(10_000), ...init });
  } catch {
    throw new ApiError(0, 'The chat cannot be reached.');
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as T;
  const error = (answer as { error?: unknown } | null)?.error;
  throw new ApiError(response.ok ? 0 : response.status, typeof error === 'string' ? error : 'The chat gave no proper answer.');
}

const json = (body: unknown) => ({
  method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' },
});

const form = (body: URLSearchParams) => ({
  method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
});

/** Random hex digits. crypto.randomUUID is missing on pages without TLS. */
export const randomHex = (bytes: number) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) => b.toString(16).padStart(2, '0')).join('');

// Made once per browser, so that its tabs are one person.
let ownSession: string | undefined;

function session(): string {
  const kept = stored('chat-session');
  ownSession ??= isSession(kept) ? kept : randomHex(16);
  store('chat-session', ownSession);
  return ownSession;
}

/** localStorage may be forbidden; then the page remembers for itself only. */
export function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function store(key: string, value: string) {
  try {
    localStorage.setItem(key, value);
  } catch {}
}
