// The page's calls to the API routes, and what a browser remembers. One page is one person at a time.
import { statuses } from './types.js';
import { checkName, checkRoom, isSession } from './validation.js';

/** @import { Identity, Stay } from './types.js' */

/** An answer other than 200, or none (status 0). Its message can be shown. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    /** @readonly */
    this.status = status;
  }

  /** The same call may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** @type {Identity | undefined} */
let me;
/** @type {Promise<Identity> | undefined} */
let loggingIn;

/**
 * @param {string} name
 * @returns {Promise<Identity>}
 */
export async function login(name) {
  me = /** @type {Identity} */ (await call('/api/login', json({ name, session: session() })));
  return me;
}

/**
 * A POST as the person who logged in. If the API has forgotten them, logs in again by itself.
 * @template T
 * @param {string} path
 * @param {Record<string, unknown> | URLSearchParams} body
 * @returns {Promise<T>}
 */
export async function post(path, body) {
  const who = me;
  const init = body instanceof URLSearchParams ? form(body) : json(body);
  const claim = { ...init, headers: { ...init.headers, 'X-Chat-User': encodeURIComponent(who?.id ?? '') } };
  try {
    return await call(path, claim);
  } catch (err) {
    if (!(err instanceof ApiError && err.status === 401) || !who) throw err;
    // Many calls may find out at once; one of them logs in.
    loggingIn ??= login(who.name).finally(() => (loggingIn = undefined));
    await loggingIn;
    return call(path, claim);
  }
}

/**
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
export const get = (path) => call(path, {});

/**
 * @template T
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<T>}
 */
async function call(path, init) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(10_000), ...init });
  } catch {
    throw new ApiError(0, 'The chat cannot be reached.');
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  const error = answer?.error;
  throw new ApiError(response.ok ? 0 : response.status, typeof error === 'string' ? error : 'The chat gave no proper answer.');
}

/** @param {unknown} body */
const json = (body) => ({
  method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' },
});

/** @param {URLSearchParams} body */
const form = (body) => ({
  method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
});

/**
 * Random hex digits. crypto.randomUUID is missing on pages without TLS.
 * @param {number} bytes
 */
export const randomHex = (bytes) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) => b.toString(16).padStart(2, '0')).join('');

/**
 * Made once per browser, so that its tabs are one person.
 * @type {string | undefined}
 */
let ownSession;

/** @returns {string} */
function session() {
  const kept = stored('chat-session');
  ownSession ??= isSession(kept) ? kept : randomHex(16);
  store('chat-session', ownSession);
  return ownSession;
}

/**
 * localStorage may be forbidden; then the page remembers for itself only.
 * @param {string} key
 */
export function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {}
}

const stayKey = 'chat-stay';

/**
 * Where this tab is, for a reload to come back to. Other tabs do not know of it.
 * @param {Stay} stay
 */
export function keepStay(stay) {
  try {
    sessionStorage.setItem(stayKey, JSON.stringify(stay));
  } catch {}
}

/** Whoever leaves meets the form again. */
export function forgetStay() {
  try {
    sessionStorage.removeItem(stayKey);
  } catch {}
}

/**
 * Where this tab was before it was loaded anew, or null.
 * @returns {Stay | null}
 */
export function keptStay() {
  try {
    const { name, room, status } = JSON.parse(sessionStorage.getItem(stayKey) ?? '{}');
    const known = statuses.find((each) => each === status);
    return checkName(name).ok && checkRoom(room).ok && known ? { name, room, status: known } : null;
  } catch {
    return null;
  }
}
