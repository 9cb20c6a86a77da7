// The apps: keys, limits, and the code that connects to one.
import { get } from '../api.js';
import { bytes, number } from '../format.js';
import { html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { link } from '../route.js';
import { AppCard } from './app.js';

export class Apps extends Paged {
  async page(cursor, signal) {
    const { apps, next } = await get('apps', { cursor }, signal);
    return { items: apps, next };
  }

  render({ query }, { loaded, error }) {
    const chosen = loaded?.items.find(({ id }) => id === query.app);
    return html`
      <${Notice} error=${error} />
      <${Table} label="Apps" columns=${['App', 'State', 'Connections', 'Channels', 'Memory held', 'Keys']} busy=${!loaded && !error} empty="There is no app.">
        ${loaded?.items.map((a) => html`
          <tr key=${a.id}>
            <th scope="row"><a data-row href=${link('apps', { app: a.id })} aria-current=${a === chosen ? 'true' : null}>${a.id}</a></th>
            <td><span class=${a.enabled ? 'badge good' : 'badge bad'}>${a.enabled ? 'enabled' : 'disabled'}</span></td>
            <td class="n">${number(a.connections)}</td><td class="n">${number(a.channels)}</td><td class="n">${bytes(a.held_bytes)}</td><td class="n">${number(a.keys.length)}</td>
          </tr>`)}
      <//>
      ${this.more()}
      ${chosen ? html`<${AppCard} key=${chosen.id} app=${chosen} />` : html`<p class="hint">Choose an app to see its keys, its limits and how to connect.</p>`}`;
  }
}
