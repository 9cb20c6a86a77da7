// A message about an error or a success.
import { html } from '../html.js';

export function Notice({ error, done }) {
  return html`
    <div role="alert">${error && html`<p class="notice bad">${error.message}</p>`}</div>
    <div role="status">${done && html`<p class="notice good">${done}</p>`}</div>`;
}
