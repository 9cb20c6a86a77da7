// A room as the page shows it, from entering to leaving.
import { get } from './lib/api.js';
import { colourOf, initial } from './lib/avatar.js';
import { realtime } from './lib/realtime.js';
import { recover } from './recovery/recovery.js';
import { linkText, RoomStore, timeOfDay, typingText } from './lib/roomStore.js';
import { statuses } from './lib/types.js';
import { composer } from './composer.js';
import { change, children, element } from './dom.js';
import { Messages } from './messages.js';

const words = { online: 'Online', away: 'Away', busy: 'Busy' };

/** Shows a room in main. left is called once, with a reason if the room would not have us. */
export function showChat(main, { settings, me, room, status, left }) {
  const store = new RoomStore(realtime(window.Pusher, recover, settings), room, me, status);
  let shown = {};
  let unread = 0;
  let expected = null; // how many are in the room before we are

  const leave = (reason) => {
    unlisten();
    exit();
    messages.end();
    document.removeEventListener('visibilitychange', seen);
    main.removeEventListener('keydown', key);
    document.title = 'fanfare demo';
    left(reason);
  };

  const messages = new Messages(me, room, store.retry);
  const count = element('span', { class: 'count', data: { testid: 'count' } });
  const badge = element('span', { class: 'connection', data: { testid: 'connection' }, role: 'status' });
  const banner = element('p', { class: 'banner', role: 'alert', hidden: true });
  const typing = element('p', { class: 'typing', data: { testid: 'typing' }, 'aria-live': 'polite' });
  const select = element('select', { id: 'status', onchange: () => store.setStatus(select.value) },
    ...statuses.map((each) => element('option', { value: each }, words[each])));
  const stale = element('p', { class: 'stale', data: { testid: 'stale' }, hidden: true });
  const people = element('ul', { class: 'members', data: { testid: 'members' }, 'aria-label': 'People here' });
  const side = element('aside', { class: 'side', id: 'people', 'aria-label': 'Room' },
    element('div', { class: 'own-status' }, element('label', { for: 'status' }, 'Your status'), select), stale, people);
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

  main.className = 'room';
  main.replaceChildren(
    element('header', { class: 'bar' },
      element('div', { class: 'title' }, element('h1', {}, room), element('p', { class: 'facts' }, badge, count)), toggle,
      element('button', { class: 'leave', type: 'button', onclick: () => leave(null) }, 'Leave')),
    banner,
    element('div', { class: 'columns' },
      element('section', { class: 'talk', 'aria-label': 'Chat' }, messages.whole, typing,
        composer({ send: store.send, typing: store.startTyping, stopped: store.stopTyping })),
      side));

  const showCount = ({ joined, members, staleSince }) => {
    const number = joined ? members.length : expected;
    count.textContent = number === null ? '' : `${number} here${staleSince ? ` at ${timeOfDay(staleSince)}` : ''}`;
  };

  const showPeople = ({ members, staleSince }) => {
    stale.hidden = !staleSince;
    stale.textContent = staleSince ? `As of ${timeOfDay(staleSince)}, when the connection was lost.` : '';
    children(people, members, {
      key: (who) => who.id,
      version: (who) => who.status,
      make: (who) => element('li', { data: { user: who.name, status: who.status, ...(who.me && { me: 'true' }) } },
        element('span', { class: 'avatar', data: { colour: colourOf(who.name) }, 'aria-hidden': 'true' }, initial(who.name), element('span', { class: 'dot' })),
        element('span', { class: 'name' }, who.name),
        who.me && element('span', { class: 'muted' }, 'you'),
        who.status !== 'online' && element('span', { class: 'muted' }, words[who.status])),
    });
  };

  const showLink = (link) => {
    const { state, attempts, problem } = link;
    badge.textContent = linkText(link);
    change(badge, { data: { state, attempts } });
    banner.hidden = !problem;
    banner.replaceChildren(problem ? `${problem} ` : '', ...(problem && state === 'disconnected'
      ? [element('button', { type: 'button', onclick: store.reconnect }, 'Connect again')] : []));
  };

  const show = () => {
    const now = store.read();
    const before = shown;
    shown = now;
    if (now.link !== before.link) showLink(now.link);
    if (now.messages !== before.messages) messages.show(now.messages);
    if (now.joined && now.messages.length === 0) messages.hint(now.members.length === 1);
    const typists = typingText(now.typing);
    if (typing.textContent !== typists) typing.textContent = typists; // it is read out when it is set
    select.value = now.status;
    showPeople(now);
    showCount(now);
  };

  const seen = () => {
    if (!document.hidden) unread = 0;
    document.title = unread > 0 ? `(${unread}) ${room}` : room;
  };

  store.callbacks = {
    onRefused: leave,
    onNewMessage: () => { if (document.hidden) unread++; seen(); },
  };
  const unlisten = store.subscribe(show);
  document.addEventListener('visibilitychange', seen);
  main.addEventListener('keydown', key);
  seen();
  const exit = store.enter();
  if (matchMedia('(hover: hover)').matches) main.querySelector('textarea').focus(); // on a phone it would raise the keyboard
  show();
  get(`/api/rooms/${room}`).then((info) => { expected = info.members; showCount(shown); }, () => {});
}
