// A TCP relay before a server: it counts connections and keeps what the server said.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Relay {
  connections = 0;
  said = ''; // by the server, a character a byte

  static async open(t, port) {
    const relay = new Relay();
    const sockets = new Set();
    relay.server = createServer((near) => {
      relay.connections++;
      const far = connect(port, '127.0.0.1');
      far.on('data', (d) => (relay.said += d.toString('latin1')));
      for (const [one, other] of [[near, far], [far, near]]) {
        sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => { sockets.delete(one); other.destroy(); });
      }
    }).listen(0, '127.0.0.1');
    await once(relay.server, 'listening');
    relay.port = relay.server.address().port;
    t.after(() => {
      relay.server.close();
      for (const socket of sockets) socket.destroy();
    });
    return relay;
  }

  /** How often the server said that. */
  count(text) {
    return this.said.split(text).length - 1;
  }
}
