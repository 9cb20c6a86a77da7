// The last deliveries to an endpoint of webhooks.
import { clock, milliseconds, moment, number } from '../format.js';
import { html } from '../html.js';
import { Table } from '../parts/table.js';

const looks = { delivered: 'badge good', failed: 'badge bad', retrying: 'badge warn' };

export function Deliveries({ of, replay }) {
  return html`
    <${Table} label=${`Last deliveries to endpoint ${of.endpoint} of ${of.app}`} columns=${['Last attempt', 'State', 'Answer', 'Took', 'Attempts', 'Events', 'Next try', 'Actions']}
        empty="Nothing has been sent yet.">
      ${of.deliveries.map((d) => html`
        <tr key=${d.id}>
          <td title=${moment(d.last)}>${clock(d.last)}</td>
          <td><span class=${looks[d.state]}>${d.state}</span></td>
          <td>${d.error || d.status}</td>
          <td class="n">${milliseconds(d.duration_ms)}</td>
          <td class="n">${number(d.attempts)}</td>
          <td><${Events} of=${d} /></td>
          <td>${d.next ? clock(d.next) : ''}</td>
          <td>${d.replayable && html`<button data-row onClick=${() => replay(d.id)}>Send again</button>`}</td>
        </tr>`)}
    <//>`;
}

function Events({ of: { events, event_count: count } }) {
  return html`
    <ul class="plain">${events.slice(0, 5).map((e, i) => html`<li key=${i}>${e.name} ${e.channel}</li>`)}</ul>
    ${count > 5 && html`<span class="hint">and ${number(count - Math.min(5, events.length))} more</span>`}`;
}
