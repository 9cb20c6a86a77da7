// What the browser and the API routes say to each other.

export const statuses = ['online', 'away', 'busy'] as const;
export type Status = (typeof statuses)[number];

/** Who somebody is: the name people see and the id the server knows. */
export interface Identity {
  name: string;
  id: string;
}

export interface Member extends Identity {
  status: Status;
  me: boolean;
}

/** The data of a `new-message` event. */
export interface ChatMessage {
  id: string;
  text: string;
  senderId: string;
  senderName: string;
  timestamp: string; // ISO 8601
}

/** A line of the conversation as the page shows it. */
export type Entry =
  | ({ kind: 'message'; state: 'sending' | 'sent' | 'failed'; problem?: string } & ChatMessage)
  | { kind: 'notice'; id: string; text: string };

export interface RoomInfo {
  room: string;
  members: number;
  users: string[];
}

/** Where the browser finds the realtime server. */
export interface RealtimeSettings {
  key: string;
  host: string;
  port: number;
  tls: boolean;
}
