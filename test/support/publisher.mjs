// A back end that publishes without end and keeps what it was answered.
import { until } from './wait.mjs';

/** Publishes 1, 2, 3 … one after the other, until stop(). */
export class Publisher {
  name = 'n'; // of the events
  accepted = []; // { n, began, ended }
  doubtful = []; // may have been delivered
  refused = []; // were not
  ended = false;

  /** `send` publishes an event with a number, by an SDK. */
  constructor(send, pause = 5) {
    Object.assign(this, { send, pause });
    this.done = this.#run();
  }

  async #run() {
    for (let n = 1; !this.ended; n++) {
      const began = Date.now();
      const err = await this.send(this.name, n).then(() => null, (e) => e);
      if (!err) this.accepted.push({ n, began, ended: Date.now() });
      else if (err.status === 503 && !/may have been/.test(err.body)) this.refused.push(n);
      else this.doubtful.push(n); // or the connection broke before the answer
      await new Promise((resume) => setTimeout(resume, this.pause));
    }
  }

  /** Ends behind an event that was accepted. */
  async stop() {
    if (!this.ended) await this.goes(1);
    this.ended = true;
    await this.done;
    return this;
  }

  /** Waits until `more` further events were accepted. */
  async goes(more) {
    const goal = this.accepted.length + more;
    await until(`${more} further events are accepted`, () => this.accepted.length >= goal);
  }

  /** Waits until an event was refused, or may have been. */
  async fails() {
    const before = this.refused.length + this.doubtful.length;
    await until('an event is refused', () => this.refused.length + this.doubtful.length > before);
  }
}
