// A table that scrolls separately from the page. Arrow keys, Home and End move between the buttons and links with data-row.
import { html } from '../html.js';

export function Table({ label, columns, children, empty, busy }) {
  const rows = [children].flat(Infinity).filter(Boolean);
  if (rows.length === 0) return html`<p class="empty">${busy ? 'Loading…' : empty}</p>`;
  return html`
    <div class="scroll" role="region" aria-label=${label} tabindex="0" onKeyDown=${move}>
      <table>
        <thead><tr>${columns.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
        <tbody>${rows}</tbody>
      </table>
    </div>`;
}

function move(event) {
  const rows = [...event.currentTarget.querySelectorAll('[data-row]')];
  const now = rows.indexOf(document.activeElement);
  const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined || !rows[to] || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  rows[to].focus();
}
