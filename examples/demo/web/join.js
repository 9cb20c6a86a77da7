// The join form.
import { ApiError, keptStay, login, store, stored } from './lib/api.js';
import { checkName, checkRoom } from './lib/validation.js';
import { change, element } from './dom.js';

/** Shows the form in main. joined is called with who somebody is and where they go. */
export function showJoin(main, { room, refusal, joined }) {
  const before = keptStay();
  const fields = {
    name: field('name', 'Your name', { autocomplete: 'nickname', value: before?.name ?? stored('chat-name') ?? '' }),
    room: field('room', 'Room', { autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', value: room }),
  };
  const general = element('p', { class: 'error', role: 'alert', hidden: !refusal }, refusal ?? '');
  const button = element('button', { class: 'primary' }, 'Join');
  const set = element('fieldset', {}, fields.name.whole, fields.room.whole, button);

  const clear = () => {
    general.hidden = true;
    for (const f of Object.values(fields)) f.wrong(null);
  };

  const submit = async (event) => {
    event.preventDefault();
    clear();
    const name = checkName(fields.name.input.value);
    if (!name.ok) return fields.name.wrong(name.error);
    const goal = checkRoom(fields.room.input.value);
    if (!goal.ok) return fields.room.wrong(goal.error);
    await enter(name.value, goal.value, 'online');
  };

  const enter = async (as, into, status) => {
    set.disabled = true;
    try {
      const me = await login(as);
      store('chat-name', me.name);
      await joined(me, into, status);
    } catch (err) {
      set.disabled = false;
      general.textContent = err instanceof ApiError ? err.message : 'Joining failed.';
      general.hidden = false;
    }
  };

  main.className = 'join';
  main.replaceChildren(element('form', { class: 'card', novalidate: true, onsubmit: submit },
    element('h1', {}, 'Join the chat'),
    element('p', { class: 'muted' }, 'This is fanfare on your machine. Open the page in a second tab or browser, take another name, and talk to yourself.'),
    general, set));
  fields.name.input.select(); // another name replaces the last one
  // Loaded anew: back to where this tab was, unless the address names another room.
  if (before?.room === room) void enter(before.name, before.room, before.status);
}

function field(id, label, attributes) {
  const input = element('input', { id, ...attributes });
  const problem = element('p', { class: 'error', role: 'alert', id: `${id}-problem`, hidden: true });
  return {
    input,
    whole: element('div', { class: 'field' }, element('label', { for: id }, label), input, problem),
    wrong(text) {
      problem.textContent = text ?? '';
      problem.hidden = !text;
      change(input, { 'aria-invalid': text ? 'true' : undefined, 'aria-describedby': text ? problem.id : undefined });
      if (text) input.focus();
    },
  };
}
