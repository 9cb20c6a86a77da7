// Where people write.
import { codePoints, maxTextLength } from './lib/validation.js';
import { element } from './dom.js';

/** send returns {ok, error}; typing is told of each key, stopped when there is no more to come. */
export function composer({ send, typing, stopped }) {
  const problem = element('p', { class: 'error', role: 'alert', hidden: true });
  const counter = element('p', { class: 'counter', hidden: true });
  const box = element('textarea', { 'aria-label': 'Message', rows: '1', placeholder: 'Write something', enterkeyhint: 'send' });

  const changed = () => {
    const length = codePoints(box.value.trim());
    problem.hidden = true;
    counter.hidden = length <= maxTextLength - 200;
    counter.textContent = `${length} of ${maxTextLength}`;
    counter.classList.toggle('over', length > maxTextLength);
    if (length === 0) stopped();
    else typing();
  };

  const submit = (event) => {
    event.preventDefault();
    if (box.value.trim() === '') return;
    const sent = send(box.value);
    if (sent.ok) {
      box.value = '';
      counter.hidden = true;
    }
    problem.textContent = sent.ok ? '' : sent.error;
    problem.hidden = sent.ok;
  };

  box.addEventListener('input', changed);
  box.addEventListener('blur', stopped);
  box.addEventListener('keydown', (event) => {
    // Enter that picks a suggestion of an input method is not meant for us.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  });
  return element('form', { class: 'composer', onsubmit: submit }, problem, counter,
    element('div', { class: 'row' }, box, element('button', { class: 'primary' }, 'Send')));
}
