// A client of the admin API (openapi.json) on the server that this page comes from.
const stored = 'fanfare-admin-token';

/** Dispatches the event "unauthorized" when the API requires another token. */
export const session = new EventTarget();

export function useToken(token) {
  if (token) sessionStorage.setItem(stored, token);
  else sessionStorage.removeItem(stored);
}

export const hasToken = () => Boolean(sessionStorage.getItem(stored));

/** A refused request. Its message is a sentence for people. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** A path of the API; names are escaped. */
export function path(parts, ...names) {
  return parts.reduce((whole, part, i) => whole + encodeURIComponent(names[i - 1]) + part);
}

export const get = (where, query, signal) => call('GET', where, { query, signal });
export const post = (where, body = {}) => call('POST', where, { body });
export const patch = (where, body) => call('PATCH', where, { body });
export const remove = (where, query) => call('DELETE', where, { query });

async function call(method, where, { query, body, signal }) {
  const answer = await send(method, where, { query, body, signal });
  return answer.json();
}

async function send(method, where, { query = {}, body, signal }) {
  const url = new URL('api/v1/' + where, document.baseURI);
  for (const [key, value] of Object.entries(query)) if (value) url.searchParams.set(key, value);
  const headers = {};
  const token = sessionStorage.getItem(stored);
  if (token) headers.Authorization = 'Bearer ' + token;
  if (body) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body && JSON.stringify(body), signal, cache: 'no-store' });
  } catch (err) {
    if (err.name === 'AbortError') throw err;
    throw new Refused(0, 'away', 'The server does not answer. Is it running?');
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer) {
  if (answer.status === 401) session.dispatchEvent(new Event('unauthorized'));
  const told = await answer.json().catch(() => ({}));
  return new Refused(answer.status, told.code ?? 'unknown', sentence(told.error ?? `The server answered ${answer.status}.`));
}

export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : whole + '.';
}

/** Calls tell with each event of the live stream, until the signal or the server ends the stream. */
export async function follow(query, signal, opened, tell) {
  const answer = await send('GET', 'events', { query, signal });
  opened();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.startsWith('data: ')) tell(JSON.parse(line.slice(6)));
  }
}
