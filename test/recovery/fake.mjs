// A server that says what a test tells it to, for what a fanfare does too seldom
// or never does.
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { until } from '../support/wait.mjs';

export class Fake {
  links = []; // one for each connection

  static async open(t) {
    const fake = new Fake();
    fake.server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    fake.server.on('connection', (socket) => fake.links.push(new Link(socket, fake.links.length + 1)));
    await once(fake.server, 'listening');
    fake.port = fake.server.address().port;
    t.after(() => {
      for (const { socket } of fake.links) socket.terminate();
      fake.server.close();
    });
    return fake;
  }

  /** The nth connection, from 1 on. */
  link = (n) => until(`connection ${n}`, () => this.links[n - 1]);
}

class Link {
  heard = []; // what the client sent

  constructor(socket, n) {
    this.socket = socket;
    this.id = `${n}.${n}`;
    socket.on('message', (text) => this.heard.push(JSON.parse(text)));
    this.say({ event: 'pusher:connection_established', data: JSON.stringify({ socket_id: this.id, activity_timeout: 120 }) });
  }

  say(...messages) {
    for (const message of messages) this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Has the client connect again at once. */
  end() {
    this.socket.close(4200);
  }

  /** Waits until the client has handled what was said before: it answers a ping after that. */
  async settled() {
    const pongs = () => this.heard.filter((m) => m.event === 'pusher:pong').length;
    const before = pongs();
    this.say({ event: 'pusher:ping', data: '{}' });
    await until('the client has handled everything', () => pongs() > before);
  }

  /** The data of the nth subscribe message of a channel, from 1 on. */
  asked = (channel, n = 1) => until(`subscribe ${n} of ${channel}`, () =>
    this.heard.filter((m) => m.event === 'pusher:subscribe' && m.data.channel === channel)[n - 1]?.data);
}

export const succeeded = (channel, serial, data = '{}') => ({ event: 'pusher_internal:subscription_succeeded', channel, data, serial });

export const event = (channel, n, serial) => ({ event: 'n', channel, data: String(n), serial });

export const failed = (channel, reason) => ({
  event: 'fanfare:recovery_failed', channel, data: JSON.stringify({ reason, message: 'A sentence.' }),
});
