// Who is signed in.
import { get, path, post } from '../api.js';
import { number } from '../format.js';
import { html } from '../html.js';
import { Action } from '../parts/action.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { link } from '../route.js';

export class Users extends Paged {
  async page(cursor, signal) {
    const { users, next, node } = await get(path`apps/${this.props.app}/users`, { cursor }, signal);
    return { items: users, next, node };
  }

  async terminate(id) {
    try {
      await post(path`apps/${this.props.app}/users/${id}/terminate`);
      this.setState({ done: `The connections of ${id} are being closed.`, failed: null });
      await this.refresh();
    } catch (failed) {
      this.setState({ failed, done: null });
    }
  }

  render({ app }, { loaded, error, failed, done }) {
    return html`
      <p class="lead">Users that are signed in${loaded ? html` on node <strong>${loaded.node}</strong>` : ''}. To terminate one closes every connection of the user, on all nodes.</p>
      <${Notice} error=${failed ?? error} done=${done} />
      <${Table} label="Users" columns=${['User', 'Connections', 'Actions']} busy=${!loaded && !error} empty="Nobody is signed in to this app.">
        ${loaded?.items.map((u) => html`
          <tr key=${u.id}>
            <th scope="row"><a data-row href=${link('creator', { app, user: u.id })} title="Send this user an event">${u.id}</a></th>
            <td class="n">${number(u.sockets)}</td>
            <td><${Action} label="Terminate" yes="Terminate" question=${`Close every connection of ${u.id}?`} act=${() => this.terminate(u.id)} /></td>
          </tr>`)}
      <//>
      ${this.more()}`;
  }
}
