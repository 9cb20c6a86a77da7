// The rules for what people type. The browser applies them to help, the API
// routes apply the same ones because a browser can be made to say anything.

export const maxNameLength = 30;
export const maxTextLength = 2000;

/**
 * @template T
 * @typedef {{ ok: true, value: T } | { ok: false, error: string }} Checked
 */

/**
 * @template T
 * @param {T} value
 * @returns {Checked<T>}
 */
const fine = (value) => ({ ok: true, value });

/** @param {string} error */
const wrong = (error) => /** @type {const} */ ({ ok: false, error });

/**
 * Length as people count it, roughly: an emoji is one, not two.
 * @param {string} text
 */
export const codePoints = (text) => [...text].length;

// Control characters, line separators, and marks that turn the text around.
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * @param {unknown} input
 * @returns {Checked<string>}
 */
export function checkName(input) {
  if (typeof input !== 'string') return wrong('Please enter a name.');
  const name = input.toWellFormed().normalize('NFC').trim();
  if (name === '') return wrong('Please enter a name.');
  if (codePoints(name) > maxNameLength) return wrong(`A name has at most ${maxNameLength} characters.`);
  if (unprintable.test(name)) return wrong('A name cannot contain control characters.');
  return fine(name);
}

/**
 * @param {unknown} input
 * @returns {Checked<string>}
 */
export function checkRoom(input) {
  if (typeof input !== 'string') return wrong('Please enter a room.');
  const room = input.trim().toLowerCase().replaceAll(' ', '-');
  if (room === '') return wrong('Please enter a room.');
  if (!/^[a-z0-9-]{1,40}$/.test(room)) {
    return wrong('A room has 1 to 40 characters: letters a to z, digits and hyphens.');
  }
  return fine(room);
}

/**
 * Line breaks and tabs stay; other control characters are dropped.
 * @param {unknown} input
 * @returns {Checked<string>}
 */
export function checkText(input) {
  if (typeof input !== 'string') return wrong('Please write something.');
  const text = input.toWellFormed().replace(/\r\n?/g, '\n').replace(/(?![\n\t])\p{Cc}/gu, '').trim();
  if (text === '') return wrong('Please write something.');
  if (codePoints(text) > maxTextLength) return wrong(`A message has at most ${maxTextLength} characters.`);
  return fine(text);
}

/**
 * @param {unknown} input
 * @returns {input is string}
 */
export const isSession = (input) => typeof input === 'string' && /^[0-9a-f]{8,64}$/.test(input);

/**
 * @param {unknown} input
 * @returns {input is string}
 */
export const isMessageId = (input) => typeof input === 'string' && /^[\w-]{1,64}$/.test(input);

/**
 * The part of a user id that two people of one name share.
 * @param {string} name
 */
export function slugOf(name) {
  const slug = name.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{Nd}]+/gu, '-').replace(/^-|-$/g, '');
  // A name of signs alone, such as an emoji, is told apart by its code points.
  return slug || [...name].map((c) => c.codePointAt(0)?.toString(16)).join('-');
}

/**
 * One person in all tabs of one browser: `ann~6f2c…`.
 * @param {string} name
 * @param {string} session
 */
export const userId = (name, session) => `${slugOf(name)}~${session}`;

/** @param {string} id */
export const slugOfId = (id) => id.slice(0, id.lastIndexOf('~'));

const prefix = 'presence-room-';

/** @param {string} room */
export const channelOf = (room) => prefix + room;

/**
 * The room of a channel, or null if the channel is not a room.
 * @param {unknown} channel
 */
export function roomOf(channel) {
  if (typeof channel !== 'string' || !channel.startsWith(prefix)) return null;
  const room = checkRoom(channel.slice(prefix.length));
  return room.ok && channelOf(room.value) === channel ? room.value : null;
}
