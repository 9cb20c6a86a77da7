// A network line to a server that can be cut: nothing is refused or closed, as
// when packets are lost. What was under way arrives when the line is whole again,
// though whoever sent it may have given up long ago.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Line {
  #pairs = new Set(); // of sockets, [near, far]
  #waiting = []; // connections that were made while the line was cut
  #cut = {}; // which directions, and for whom

  /** Listens until the end of the test, before the server at a port. */
  static async open(t, port) {
    const line = new Line();
    line.to = port;
    line.server = createServer((near) => {
      near.on('error', () => {});
      if (line.#isCut(near, 'up')) line.#waiting.push(near.pause());
      else line.#join(near);
    }).listen(0, '127.0.0.1');
    await once(line.server, 'listening');
    line.port = line.server.address().port;
    t.after(() => {
      line.server.close();
      line.break();
    });
    return line;
  }

  #isCut(near, way) {
    return Boolean(this.#cut[way]) && (!this.#cut.from || near.remoteAddress === this.#cut.from);
  }

  #join(near) {
    const far = connect(this.to, '127.0.0.1');
    const pair = [near, far];
    this.#pairs.add(pair);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('error', () => other.destroy()).on('close', () => {
        this.#pairs.delete(pair);
        other.end();
      });
    }
    this.#flow(pair);
  }

  #flow([near, far]) {
    for (const [one, other, cut] of [[near, far, this.#isCut(near, 'up')], [far, near, this.#isCut(near, 'down')]]) {
      one.unpipe(other);
      if (cut) one.pause();
      else one.pipe(other);
    }
  }

  /** Cuts the line: to the server (up), from it (down), or both ways; for all, or for who comes from an address. */
  cut({ up = true, down = true, from } = {}) {
    this.#cut = { up, down, from };
    for (const pair of this.#pairs) this.#flow(pair);
  }

  heal() {
    this.#cut = {};
    for (const pair of this.#pairs) this.#flow(pair);
    for (const near of this.#waiting.splice(0)) this.#join(near);
  }

  /** Closes all connections; what was under way is lost. */
  break() {
    for (const near of this.#waiting.splice(0)) near.destroy();
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Leads to another server from here on. */
  lead(port) {
    this.to = port;
    this.break();
  }
}
