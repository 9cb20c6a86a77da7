// What a page knows of a room, and how each event changes it.

/** @import { ChatMessage, Entry, Identity, MessageEntry, Status } from './types.js' */

const maxEntries = 500;

/**
 * @typedef {object} RoomState
 * @property {readonly Entry[]} entries
 * @property {ReadonlyMap<string, string>} people names by id
 * @property {ReadonlyMap<string, Status>} statuses by id; online where missing
 * @property {readonly string[]} typing ids
 * @property {string | null} staleSince when people and statuses were true last (ISO 8601); null while they are
 */

/** @type {RoomState} */
export const emptyRoom = { entries: [], people: new Map(), statuses: new Map(), typing: [], staleSince: null };

/**
 * @typedef {{ type: 'entered', people: ReadonlyMap<string, string> }
 *   | { type: 'lost', at: string }
 *   | { type: 'joined', who: Identity, quietly: boolean }
 *   | { type: 'left', who: Identity }
 *   | { type: 'status', id: string, status: Status }
 *   | { type: 'typing', ids: readonly string[] }
 *   | { type: 'message', message: ChatMessage, state: 'sending' | 'sent' }
 *   | { type: 'sending', id: string, senderId: string }
 *   | { type: 'sent', message: ChatMessage }
 *   | { type: 'failed', id: string, senderId: string, problem: string }
 *   | { type: 'emptied' }} RoomEvent
 */

/**
 * @param {RoomState} room
 * @param {RoomEvent} event
 * @returns {RoomState}
 */
export function roomReducer(room, event) {
  switch (event.type) {
    case 'entered':
      // Whoever is not online tells us after we came.
      return { ...room, people: event.people, statuses: new Map(), staleSince: null };
    case 'lost': // the connection, and with it what others do
      return room.people.size === 0 ? room : { ...room, staleSince: room.staleSince ?? event.at };
    case 'joined': {
      const next = { ...room, people: new Map(room.people).set(event.who.id, event.who.name) };
      return event.quietly ? next : notice(next, `${event.who.name} joined`);
    }
    case 'left': {
      const { id, name } = event.who;
      return notice({ ...room, people: without(room.people, id), statuses: without(room.statuses, id) }, `${name} left`);
    }
    case 'status':
      return { ...room, statuses: new Map(room.statuses).set(event.id, event.status) };
    case 'typing':
      return { ...room, typing: event.ids };
    case 'message': {
      const { id, senderId } = event.message;
      // The id is the sender's choice, so it counts only together with the sender.
      const known = room.entries.some((e) => e.kind === 'message' && e.id === id && e.senderId === senderId);
      return known ? change(room, id, senderId, { state: 'sent' }) : add(room, { kind: 'message', state: event.state, ...event.message });
    }
    case 'sending':
      return change(room, event.id, event.senderId, { state: 'sending', problem: undefined });
    case 'sent':
      return change(room, event.message.id, event.message.senderId, { ...event.message, state: 'sent', problem: undefined });
    case 'failed':
      return change(room, event.id, event.senderId, { state: 'failed', problem: event.problem });
    case 'emptied':
      return emptyRoom;
  }
}

let notices = 0;

/**
 * @param {RoomState} room
 * @param {string} text
 */
const notice = (room, text) => add(room, { kind: 'notice', id: `${notices++}`, text });

/**
 * @param {RoomState} room
 * @param {Entry} entry
 * @returns {RoomState}
 */
const add = (room, entry) => ({ ...room, entries: [...room.entries, entry].slice(-maxEntries) });

/**
 * @param {RoomState} room
 * @param {string} id
 * @param {string} senderId
 * @param {Partial<MessageEntry>} fields
 * @returns {RoomState}
 */
function change(room, id, senderId, fields) {
  const entries = room.entries.map((e) =>
    e.kind === 'message' && e.id === id && e.senderId === senderId ? { ...e, ...fields } : e);
  return { ...room, entries };
}

/**
 * @template T
 * @param {ReadonlyMap<string, T>} map
 * @param {string} key
 * @returns {ReadonlyMap<string, T>}
 */
function without(map, key) {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
