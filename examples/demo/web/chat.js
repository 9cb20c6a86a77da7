// A room as the page shows it, from entering to leaving.
import { get, randomHex } from './lib/api.js';
import { colourOf, initial } from './lib/avatar.js';
import { realtime } from './lib/realtime.js';
import { Room } from './lib/room.js';
import { emptyRoom, roomReducer } from './lib/roomState.js';
import { statuses } from './lib/types.js';
import { checkText } from './lib/validation.js';
import { composer } from './composer.js';
import { change, children, element } from './dom.js';
import { Messages } from './messages.js';

const words = { online: 'Online', away: 'Away', busy: 'Busy' };

/** Shows a room in main. left is called once, with a reason if the room would not have us. */
export function showChat(main, { settings, me, room, left }) {
  const link = realtime(window.Pusher, settings);
  let state = emptyRoom;
  let status = 'online';
  let entered = false;
  let unread = 0;

  const leave = (reason) => {
    stay.leave();
    unlisten();
    messages.end();
    document.removeEventListener('visibilitychange', seen);
    main.removeEventListener('keydown', key);
    document.title = 'fanfare demo';
    left(reason);
  };

  const messages = new Messages(me, room, (entry) => {
    tell({ type: 'sending', id: entry.id, senderId: me.id });
    void stay.send(entry.id, entry.text);
  });
  const count = element('span', { class: 'count', data: { testid: 'count' } });
  const badge = element('span', { class: 'connection', data: { testid: 'connection' }, role: 'status' });
  const banner = element('p', { class: 'banner', role: 'alert', hidden: true });
  const typing = element('p', { class: 'typing', data: { testid: 'typing' }, 'aria-live': 'polite' });
  const select = element('select', { id: 'status', onchange: () => stay.setStatus((status = select.value)) || showPeople() },
    ...statuses.map((each) => element('option', { value: each }, words[each])));
  const people = element('ul', { class: 'members', data: { testid: 'members' }, 'aria-label': 'People here' });
  const side = element('aside', { class: 'side', id: 'people', 'aria-label': 'Room' },
    element('div', { class: 'own-status' }, element('label', { for: 'status' }, 'Your status'), select), people);
  const toggle = element('button', {
    class: 'people', type: 'button', 'aria-expanded': 'false', 'aria-controls': 'people',
    onclick: () => open(!side.classList.contains('open')),
  }, 'People');
  const open = (now) => change(toggle, { 'aria-expanded': String(side.classList.toggle('open', now)) });
  const key = (event) => {
    if (event.key !== 'Escape' || !side.classList.contains('open')) return;
    open(false);
    toggle.focus();
  };

  const send = (input) => {
    const text = checkText(input);
    if (!text.ok) return text;
    const message = { id: randomHex(16), text: text.value, senderId: me.id, senderName: me.name, timestamp: new Date().toISOString() };
    tell({ type: 'message', message, state: 'sending' });
    stay.stopTyping();
    void stay.send(message.id, message.text);
    return text;
  };

  main.className = 'room';
  main.replaceChildren(
    element('header', { class: 'bar' },
      element('div', { class: 'title' }, element('h1', {}, room), element('p', { class: 'facts' }, badge, count)), toggle,
      element('button', { class: 'leave', type: 'button', onclick: () => leave(null) }, 'Leave')),
    banner,
    element('div', { class: 'columns' },
      element('section', { class: 'talk', 'aria-label': 'Chat' }, messages.whole, typing,
        composer({ send, typing: () => stay.startTyping(), stopped: () => stay.stopTyping() })),
      side));

  const showPeople = () => {
    const list = [...state.people].map(([id, name]) => {
      const mine = id === me.id;
      return { id, name, me: mine, status: mine ? status : (state.statuses.get(id) ?? 'online') };
    }).sort((a, b) => Number(b.me) - Number(a.me) || a.name.localeCompare(b.name));
    children(people, list, {
      key: (who) => who.id,
      version: (who) => who.status,
      make: (who) => element('li', { data: { user: who.name, status: who.status, ...(who.me && { me: 'true' }) } },
        element('span', { class: 'avatar', data: { colour: colourOf(who.name) }, 'aria-hidden': 'true' }, initial(who.name), element('span', { class: 'dot' })),
        element('span', { class: 'name' }, who.name),
        who.me && element('span', { class: 'muted' }, 'you'),
        who.status !== 'online' && element('span', { class: 'muted' }, words[who.status])),
    });
    if (!entered) return;
    count.textContent = `${list.length} here`;
    messages.hint(list.length === 1);
  };

  const showTyping = () => {
    const names = state.typing.map((id) => state.people.get(id)).filter((name) => name !== undefined);
    typing.textContent = ['', `${names[0]} is typing…`, `${names[0]} and ${names[1]} are typing…`][names.length] ?? 'Several people are typing…';
  };

  const showLink = () => {
    const { state: now, attempts, problem } = link.read();
    badge.textContent = { connected: 'Connected', connecting: 'Connecting…', reconnecting: `Reconnecting, attempt ${attempts}`, disconnected: 'Disconnected' }[now];
    change(badge, { data: { state: now, attempts } });
    banner.hidden = !problem;
    banner.replaceChildren(problem ? `${problem} ` : '', ...(problem && now === 'disconnected'
      ? [element('button', { type: 'button', onclick: () => link.connect() }, 'Connect again')] : []));
  };

  const seen = () => {
    if (!document.hidden) unread = 0;
    document.title = unread > 0 ? `(${unread}) ${room}` : room;
  };

  const tell = (event) => {
    const before = state;
    state = roomReducer(state, event);
    if (state.entries !== before.entries) messages.show(state.entries);
    if (state.people !== before.people || state.statuses !== before.statuses) showPeople();
    if (state.typing !== before.typing || state.people !== before.people) showTyping();
  };

  const stay = new Room(link, room, me, {
    change: tell,
    entered: () => { entered = true; showPeople(); },
    refused: leave,
    message: () => { if (document.hidden) unread++; seen(); },
    typing() {},
    stoppedTyping() {},
    status: (who, theirs) => {
      if (who.id !== me.id) return;
      select.value = status = theirs; // chosen in another tab
      showPeople();
    },
  });
  const unlisten = link.subscribe(showLink);
  document.addEventListener('visibilitychange', seen);
  main.addEventListener('keydown', key);
  seen();
  stay.enter();
  if (matchMedia('(hover: hover)').matches) main.querySelector('textarea').focus(); // on a phone it would raise the keyboard
  showLink();
  get(`/api/rooms/${room}`).then((info) => { if (!entered) count.textContent = `${info.members} here`; }, () => {});
}
