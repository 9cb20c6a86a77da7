// The apps: keys, limits, and the code that connects to one. Apps in a database can be changed here.
import { get, path, remove } from '../api.js';
import { bytes, number } from '../format.js';
import { html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { go, link } from '../route.js';
import { AppCard } from './app.js';
import { NewApp } from './newapp.js';

export class Apps extends Paged {
  async page(cursor, signal) {
    const { apps, next, ...rest } = await get('apps', { cursor }, signal);
    return { items: apps, next, ...rest };
  }

  componentWillUnmount() {
    super.componentWillUnmount();
    clearTimeout(this.soon);
  }

  /** Requests the apps now, and again when the node has read the change from the database. */
  changed() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), 700);
    return this.refresh();
  }

  async remove(id) {
    try {
      await remove(path`apps/${id}`);
      this.setState({ done: `${id} is deleted.`, failed: null });
      go('apps');
      document.querySelector('main h1')?.focus();
      await this.changed();
    } catch (failed) {
      this.setState({ failed, done: null });
    }
  }

  render({ query }, { loaded, error, failed, done }) {
    const chosen = loaded?.items.find(({ id }) => id === query.app);
    return html`
      <${Notice} error=${failed ?? error} done=${done} />
      ${loaded && html`<${Where} store=${loaded.store} editable=${loaded.editable} />`}
      ${loaded?.editable && html`<${NewApp} made=${() => this.changed()} />`}
      <${Table} label="Apps" columns=${['App', 'State', 'Connections', 'Channels', 'Memory held', 'Keys']} busy=${!loaded && !error} empty="There is no app.">
        ${loaded?.items.map((a) => html`
          <tr key=${a.id}>
            <th scope="row"><a data-row href=${link('apps', { app: a.id })} aria-current=${a === chosen ? 'true' : null}>${a.id}</a></th>
            <td><span class=${a.enabled ? 'badge good' : 'badge bad'}>${a.enabled ? 'enabled' : 'disabled'}</span></td>
            <td class="n">${number(a.connections)}</td><td class="n">${number(a.channels)}</td><td class="n">${bytes(a.held_bytes)}</td><td class="n">${number(a.keys.length)}</td>
          </tr>`)}
      <//>
      ${this.more()}
      ${chosen
        ? html`<${AppCard} key=${chosen.id} app=${chosen} editable=${loaded.editable} changed=${() => this.changed()} remove=${() => this.remove(chosen.id)} />`
        : html`<p class="hint">Choose an app to see its keys, its limits and how to connect.</p>`}`;
  }
}

/** Says how to change the apps if that is not possible here. */
function Where({ store, editable }) {
  if (editable) return null;
  if (store === 'database') return html`<p class="lead">The apps are in a database. Changing them requires a token with the role <strong>admin</strong>.</p>`;
  return html`
    <p class="lead">The apps are in the configuration file. To change them, edit the list <code>apps</code> there and run <code>fanfare reload</code>. To change them here,
      keep them in a database: set <code>store.kind</code>, run <code>fanfare apps migrate</code> and <code>fanfare apps import config.yaml</code>, and restart.</p>`;
}
