// The join form.
import { ApiError, login, store, stored } from './lib/api.js';
import { checkName, checkRoom } from './lib/validation.js';
import { change, element } from './dom.js';

/** Shows the form in main. joined is called with who somebody is and where they go. */
export function showJoin(main, { room, refusal, joined }) {
  const fields = {
    name: field('name', 'Your name', { autocomplete: 'nickname', value: stored('chat-name') ?? '' }),
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
    set.disabled = true;
    try {
      const me = await login(name.value);
      store('chat-name', me.name);
      await joined(me, goal.value);
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
