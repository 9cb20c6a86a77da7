// What the browser and the API routes say to each other.

export const statuses = /** @type {const} */ (['online', 'away', 'busy']);

/** @typedef {(typeof statuses)[number]} Status */

/**
 * Who somebody is: the name people see and the id the server knows.
 * @typedef {{ name: string, id: string }} Identity
 */

/** @typedef {Identity & { status: Status, me: boolean }} Member */

/**
 * The data of a `new-message` event. The timestamp is ISO 8601.
 * @typedef {{ id: string, text: string, senderId: string, senderName: string, timestamp: string }} ChatMessage
 */

/**
 * A line of the conversation as the page shows it.
 * @typedef {{ kind: 'message', state: 'sending' | 'sent' | 'failed', problem?: string } & ChatMessage} MessageEntry
 * @typedef {MessageEntry | { kind: 'notice', id: string, text: string }} Entry
 */

/** @typedef {{ name: string, room: string, status: Status }} Stay */

/** @typedef {{ room: string, members: number, users: string[] }} RoomInfo */

/**
 * Where the browser finds the realtime server.
 * @typedef {{ key: string, host: string, port: number, tls: boolean }} RealtimeSettings
 */
