// Who is typing: telling the others about us, and remembering them.
const repeat = 2000; // ms between two starts while somebody types on
const idle = 1500; // ms without a key that count as a stop
const shown = 3000; // ms a name is shown after its last start
/** Turns key presses into few events. */
export class TypingSender {
    send;
    typing = false;
    sent = 0;
    timer;
    constructor(send) {
        this.send = send;
    }
    key() {
        const now = Date.now();
        if (!this.typing || now - this.sent >= repeat) {
            this.typing = true;
            this.sent = now;
            this.send('client-typing-start');
        }
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.stop(), idle);
    }
    stop() {
        clearTimeout(this.timer);
        if (!this.typing)
            return;
        this.typing = false;
        this.send('client-typing-stop');
    }
    /** Forgets everything without a word. */
    clear() {
        clearTimeout(this.timer);
        this.typing = false;
    }
}
/** The others who type, each with a timer of their own. */
export class TypingUsers {
    changed;
    timers = new Map();
    constructor(changed) {
        this.changed = changed;
    }
    start(id) {
        const known = this.timers.has(id);
        clearTimeout(this.timers.get(id));
        this.timers.set(id, setTimeout(() => this.stop(id), shown));
        if (!known)
            this.tell();
    }
    stop(id) {
        clearTimeout(this.timers.get(id));
        if (this.timers.delete(id))
            this.tell();
    }
    clear() {
        for (const timer of this.timers.values())
            clearTimeout(timer);
        this.timers.clear();
        this.tell();
    }
    tell() {
        this.changed([...this.timers.keys()]);
    }
}
