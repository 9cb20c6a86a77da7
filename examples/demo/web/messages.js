// The conversation.
import { colourOf, initial } from './lib/avatar.js';
import { timeOfDay } from './lib/roomStore.js';
import { children, element } from './dom.js';

const near = 40; // px from the bottom that still count as reading the end

export class Messages {
  list = element('div', {
    class: 'messages', data: { testid: 'messages' }, role: 'log', 'aria-live': 'polite', 'aria-label': 'Conversation', tabindex: '0',
  });
  jump = element('button', { class: 'jump', type: 'button', hidden: true, onclick: () => { this.toEnd(); this.stay(); } }, 'New below');
  empty = element('p', { class: 'hint', hidden: true });
  whole = element('div', { class: 'conversation' }, this.empty, this.list, this.jump);
  atEnd = true;
  size = '';
  last = '';

  constructor(me, room, retry) {
    this.me = me;
    this.room = room;
    this.retry = retry;
    this.list.addEventListener('scroll', () => {
      if (sizeOf(this.list) !== this.size) return; // the browser scrolled, as the list has another size
      const { scrollTop, scrollHeight, clientHeight } = this.list;
      this.atEnd = scrollHeight - scrollTop - clientHeight < near;
      if (this.atEnd) this.jump.hidden = true;
    });
    // The keyboard of a phone or a taller composer takes room from below.
    this.observer = new ResizeObserver(() => {
      this.size = sizeOf(this.list);
      if (this.atEnd) this.toEnd();
    });
    this.observer.observe(this.list);
  }

  end() {
    this.observer.disconnect();
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.atEnd = true;
    this.jump.hidden = true;
  }

  // The button that was pressed vanishes; whoever uses the keyboard stays near it.
  stay() {
    this.list.focus({ preventScroll: true });
  }

  /** Says what to do in a room where nothing has been said. */
  hint(alone) {
    this.empty.hidden = this.list.childElementCount > 0;
    this.empty.replaceChildren(...(alone
      ? ['Nobody else is here yet. ', element('a', { href: `?room=${this.room}`, target: '_blank', rel: 'noopener' }, 'Open a second tab'), ' and join under another name.']
      : ['Nothing has been said since you came.']));
  }

  show(entries) {
    if (entries.length > 0) this.empty.hidden = true;
    const continued = (entry, i) => entry.kind === 'message' && entries[i - 1]?.senderId === entry.senderId;
    children(this.list, entries, {
      key: (entry) => (entry.kind === 'notice' ? `notice ${entry.id}` : `${entry.senderId} ${entry.id}`),
      version: (entry, i) => `${entry.state} ${entry.problem ?? ''} ${continued(entry, i)}`,
      make: (entry, i) => this.line(entry, continued(entry, i)),
    });
    const last = entries.at(-1);
    const key = last ? `${last.kind} ${last.senderId} ${last.id}` : '';
    if (key === this.last) return;
    this.last = key;
    // Whoever has scrolled up to read is left there, unless they speak themselves.
    if (this.atEnd || last?.senderId === this.me.id) this.toEnd();
    else this.jump.hidden = false;
  }

  line(entry, continued) {
    if (entry.kind === 'notice') return element('p', { class: 'notice', data: { kind: 'notice' } }, entry.text);
    const mine = entry.senderId === this.me.id;
    return element('article', {
      class: `message${mine ? ' mine' : ''}${continued ? ' continued' : ''}`,
      data: { kind: 'message', sender: entry.senderName, state: entry.state },
    },
    !continued && element('span', { class: 'avatar', data: { colour: colourOf(entry.senderName) }, 'aria-hidden': 'true' }, initial(entry.senderName)),
    element('p', { class: 'byline' }, element('span', { class: 'name' }, entry.senderName), ' ',
      element('time', { datetime: entry.timestamp }, timeOfDay(entry.timestamp))),
    element('p', { class: 'text' }, entry.text),
    entry.state === 'sending' && element('p', { class: 'delivery' }, 'Sending…'),
    entry.state === 'failed' && element('p', { class: 'delivery failed' }, `Not sent. ${entry.problem} `,
      element('button', { type: 'button', onclick: () => { this.retry(entry.id); this.stay(); } }, 'Retry')));
  }
}

const sizeOf = ({ clientWidth, clientHeight }) => `${clientWidth} ${clientHeight}`;
