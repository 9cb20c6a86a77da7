// One row of the live table, with its details if it is expanded.
import { Component, html } from '../html.js';
import { clock } from '../format.js';
import { Payload } from '../parts/payload.js';
import { sentence } from './words.js';

const bad = new Set(['refusal', 'error']);

export class Happening extends Component {
  // Rows do not change. There are hundreds of them; each is drawn only when it appears or is expanded.
  shouldComponentUpdate({ row, open }) {
    return row !== this.props.row || open !== this.props.open;
  }

  render({ row, kind, open, many, toggle, pick }) {
    const picks = (key) => row[key] && html`
      <button class="pick" title=${key === 'socket' ? 'Follow this socket' : `Only this ${key}`} onClick=${() => pick(key, row[key])}>${row[key]}</button>`;
    return html`
      <tr class=${open ? 'open' : ''}>
        <td><button class="expand" data-row aria-expanded=${String(open)} onClick=${toggle}>${clock(row.time)}</button></td>
        <td><span class=${bad.has(row.kind) ? 'badge bad' : 'badge'}>${kind ?? row.kind}</span></td>
        <td class="what">${sentence(row)}</td>
        <td>${picks('channel')}</td><td>${picks('event')}</td><td class="id">${picks('socket')}</td><td>${row.app}</td>${many && html`<td>${picks('node')}</td>`}
      </tr>
      ${open && html`<tr class="detail"><td colspan=${many ? 8 : 7}><div>${this.detail(row)}</div></td></tr>`}`;
  }

  detail({ message, user, level, fields = {} }) {
    const { payload, ...others } = fields;
    const all = Object.entries({ message, level: level.toLowerCase(), ...(user && { user }), ...others });
    return html`
      <dl class="pairs">${all.map(([key, value]) => html`<div key=${key}><dt>${key}</dt><dd>${typeof value === 'string' ? value : JSON.stringify(value)}</dd></div>`)}</dl>
      ${payload !== undefined && html`<${Payload} text=${typeof payload === 'string' ? payload : JSON.stringify(payload)} />`}`;
  }
}
