// The conversation.
import { children, element } from './dom.js';

const near = 40; // px from the bottom that still count as reading the end

export class Messages {
  list = element('div', {
    class: 'messages', data: { testid: 'messages' }, role: 'log', 'aria-live': 'polite', 'aria-label': 'Conversation', tabindex: '0',
  });
  jump = element('button', { class: 'jump', type: 'button', hidden: true, onclick: () => this.toEnd() }, 'New below');
  whole = element('div', { class: 'conversation' }, this.list, this.jump);
  atEnd = true;
  last = '';

  constructor(me, retry) {
    this.me = me;
    this.retry = retry;
    this.list.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.list;
      this.atEnd = scrollHeight - scrollTop - clientHeight < near;
      if (this.atEnd) this.jump.hidden = true;
    });
    // The keyboard of a phone or a taller composer takes room from below.
    this.observer = new ResizeObserver(() => this.atEnd && this.toEnd());
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

  show(entries) {
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
    element('p', { class: 'byline' }, element('span', { class: 'name' }, entry.senderName), ' ',
      element('time', { datetime: entry.timestamp }, timeOfDay(entry.timestamp))),
    element('p', { class: 'text' }, entry.text),
    entry.state === 'sending' && element('p', { class: 'delivery' }, 'Sending…'),
    entry.state === 'failed' && element('p', { class: 'delivery failed' }, `Not sent. ${entry.problem} `,
      element('button', { type: 'button', onclick: () => this.retry(entry) }, 'Retry')));
  }
}

const timeOfDay = (timestamp) => new Date(timestamp).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
