// The events that the page stores: the newest ones, up to a maximum number and size.
const mostEvents = 2000;
const mostCharacters = 8 << 20;

export class Kept {
  events = []; // the oldest first
  characters = 0;
  leftOut = 0;
  changed = false;
  next = 0;

  add(event) {
    this.changed = true;
    if (event.kind === 'lost') {
      this.leftOut += event.left_out ?? 0;
      return;
    }
    const size = sizeOf(event);
    this.events.push({ ...event, id: this.next++, size });
    this.characters += size;
    let drop = 0;
    while (this.events.length - drop > mostEvents || this.characters > mostCharacters) this.characters -= this.events[drop++].size;
    this.events.splice(0, drop);
  }

  /** The newest matching events, at most most, newest first. */
  matching(query, most) {
    const found = [];
    for (let i = this.events.length - 1; i >= 0 && found.length < most; i--) {
      if (matches(this.events[i], query)) found.push(this.events[i]);
    }
    return found;
  }
}

function sizeOf(event) {
  let size = 200;
  for (const value of Object.values(event.fields ?? {})) size += String(value).length;
  return size;
}

function matches(event, query) {
  for (const key of ['app', 'channel', 'socket', 'event', 'kind', 'node']) {
    if (query[key] && event[key] !== query[key]) return false;
  }
  return true;
}
