// Occupied channels of an app, and the details of one.
import { get, path } from '../api.js';
import { number } from '../format.js';
import { html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { Typed } from '../parts/typed.js';
import { go, link } from '../route.js';
import { ChannelCard } from './channel.js';

export class Channels extends Paged {
  async page(cursor, signal) {
    const { app, query } = this.props;
    const { channels, next } = await get(path`apps/${app}/channels`, { prefix: query.prefix, cursor }, signal);
    return { items: channels, next };
  }

  componentDidUpdate({ query }) { // the list covers all nodes
    if (query.prefix !== this.props.query.prefix) this.refresh();
  }

  search(prefix) {
    go('channels', { ...this.props.query, app: this.props.app, prefix });
  }

  render({ app, query }, { loaded, error }) {
    return html`
      <form class="filters" role="search" aria-label="Channels" onSubmit=${(e) => e.preventDefault()}>
        <label>Name begins with
          <${Typed} name="prefix" type="search" value=${query.prefix ?? ''} onInput=${(e) => this.search(e.target.value)} />
        </label>
      </form>
      <${Notice} error=${error} />
      ${query.channel && html`<${ChannelCard} key=${query.channel} app=${app} name=${query.channel} close=${() => go('channels', { app, prefix: query.prefix })} />`}
      <${Table} label="Channels" columns=${['Channel', 'Kind', 'Subscriptions', 'Users']} busy=${!loaded && !error}
          empty=${query.prefix ? 'No occupied channel has this prefix.' : 'No channel of this app has a subscriber.'}>
        ${loaded?.items.map((c) => html`
          <tr key=${c.name}>
            <th scope="row"><a data-row href=${link('channels', { app, prefix: query.prefix, channel: c.name })}>${c.name}</a></th>
            <td>${c.kind}</td><td class="n">${number(c.subscriptions)}</td><td class="n">${c.kind.includes('presence') ? number(c.users) : ''}</td>
          </tr>`)}
      <//>
      ${this.more()}`;
  }
}
