// The users that are signed in.
import { get, path, post } from '../api.js';
import { number } from '../format.js';
import { html } from '../html.js';
import { Action } from '../parts/action.js';
import { Missing, NodeChoice } from '../parts/nodechoice.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { go, link } from '../route.js';

export class Users extends Paged {
  async page(cursor, signal) {
    const { app, query } = this.props;
    const { users, next, missing } = await get(path`apps/${app}/users`, { node: query.node, cursor }, signal);
    return { items: users, next, missing };
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

  render({ app, nodes, query }, { loaded, error, failed, done }) {
    const many = nodes.length > 1;
    return html`
      <p class="lead">The users that are signed in. Terminating a user closes all of the user's connections${many && ', on all nodes'}.</p>
      ${many && html`<form class="filters" role="search" aria-label="Users" onSubmit=${(e) => e.preventDefault()}>
        <${NodeChoice} nodes=${nodes} node=${query.node} choose=${(node) => go('users', { ...query, app, node })} />
      </form>`}
      <${Missing} names=${loaded?.missing} />
      <${Notice} error=${failed ?? error} done=${done} />
      <${Table} label="Users" columns=${['User', 'Connections', ...(many ? ['Nodes'] : []), 'Actions']} busy=${!loaded && !error} empty="Nobody is signed in to this app.">
        ${loaded?.items.map((u) => html`
          <tr key=${u.id}>
            <th scope="row"><a data-row href=${link('creator', { app, user: u.id })} title="Send this user an event">${u.id}</a></th>
            <td class="n">${number(u.sockets)}</td>
            ${many && html`<td>${u.nodes.join(', ')}</td>`}
            <td><${Action} label="Terminate" yes="Terminate" question=${`Close every connection of ${u.id}?`} act=${() => this.terminate(u.id)} /></td>
          </tr>`)}
      <//>
      ${this.more()}`;
  }
}
