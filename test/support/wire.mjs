// A client on the wire, for what pusher-js would never send.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { until } from './wait.mjs';

export class Wire {
  messages = [];
  closed = null;

  constructor(server, { key = 'app-key', query = 'protocol=7&client=test&version=1', headers = {}, path } = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}${path ?? `/app/${key}`}?${query}`, { headers });
    this.socket.on('message', (m) => this.messages.push(String(m)));
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }));
    this.socket.on('error', (err) => (this.error = err));
  }

  async open() {
    const first = JSON.parse(await this.next());
    assert.equal(first.event, 'pusher:connection_established');
    this.id = JSON.parse(first.data).socket_id;
    return this;
  }

  send(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message, as text. */
  async next() {
    await until('a message', () => this.messages.length > 0);
    return this.messages.shift();
  }

  async close() {
    return until('the connection is closed', () => this.closed);
  }
}
