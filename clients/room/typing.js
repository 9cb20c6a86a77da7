// Who is typing: telling the others about us, and remembering them.

const repeat = 2000; // ms between two starts while somebody types on
const idle = 1500; // ms without a key that count as a stop
const shown = 3000; // ms a name is shown after its last start

/** @typedef {ReturnType<typeof setTimeout>} Timer */

/** Turns key presses into few events. */
export class TypingSender {
  #typing = false;
  #sent = 0;
  /** @type {Timer | undefined} */
  #timer;
  #send;

  /** @param {(event: 'client-typing-start' | 'client-typing-stop') => void} send */
  constructor(send) {
    this.#send = send;
  }

  key() {
    const now = Date.now();
    if (!this.#typing || now - this.#sent >= repeat) {
      this.#typing = true;
      this.#sent = now;
      this.#send('client-typing-start');
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.stop(), idle);
  }

  stop() {
    clearTimeout(this.#timer);
    if (!this.#typing) return;
    this.#typing = false;
    this.#send('client-typing-stop');
  }

  /** Forgets everything without a word. */
  clear() {
    clearTimeout(this.#timer);
    this.#typing = false;
  }
}

/** The others who type, each with a timer of their own. */
export class TypingUsers {
  /** @type {Map<string, Timer>} */
  #timers = new Map();
  #changed;

  /** @param {(ids: string[]) => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {string} id */
  start(id) {
    const known = this.#timers.has(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.set(id, setTimeout(() => this.stop(id), shown));
    if (!known) this.#tell();
  }

  /** @param {string} id */
  stop(id) {
    clearTimeout(this.#timers.get(id));
    if (this.#timers.delete(id)) this.#tell();
  }

  clear() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#tell();
  }

  #tell() {
    this.#changed([...this.#timers.keys()]);
  }
}
