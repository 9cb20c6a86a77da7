// The history of a channel, newest first.
import { get, path, remove } from '../api.js';
import { moment } from '../format.js';
import { html } from '../html.js';
import { Action } from '../parts/action.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Payload } from '../parts/payload.js';
import { Table } from '../parts/table.js';

export class KeptHistory extends Paged {
  where() {
    return path`apps/${this.props.app}/channels/${this.props.name}/history`;
  }

  async page(cursor, signal) {
    const { events, next } = await get(this.where(), { cursor, limit: 20 }, signal);
    return { items: events, next };
  }

  async empty() {
    try {
      await remove(this.where());
      this.setState({ done: 'The history was cleared.', failed: null });
      this.pages = 1;
      await this.refresh();
    } catch (failed) {
      this.setState({ failed, done: null });
    }
  }

  render({ name }, { loaded, error, failed, done }) {
    return html`
      <h3>History</h3>
      <${Notice} error=${failed ?? error} done=${done} />
      <${Table} label="History" columns=${['Serial', 'Time', 'Event', 'Sender', 'Data']} busy=${!loaded && !error} empty="The history is empty. The option history of the app says which channels have one.">
        ${loaded?.items.map((e) => html`
          <tr key=${e.serial}>
            <th scope="row">${e.serial}</th>
            <td>${moment(e.time)}</td>
            <td>${e.name}</td>
            <td>${e.user_id || e.socket_id}</td>
            <td><${Payload} text=${e.data} label=${`Data of ${e.serial}`} /></td>
          </tr>`)}
      <//>
      ${this.more()}
      ${loaded?.items.length > 0 && html`<p class="row"><${Action} label="Clear the history" yes="Clear it" question=${`Clear the history of ${name}? Clients cannot recover its events afterwards.`} act=${() => this.empty()} /></p>`}`;
  }
}
