// Endpoints of webhooks: their state, counts and last deliveries.
import { get, path, post } from '../api.js';
import { number } from '../format.js';
import { html } from '../html.js';
import { Missing, NodeChoice } from '../parts/nodechoice.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { go } from '../route.js';
import { Deliveries } from './deliveries.js';

const counts = { queued: 'Events waiting', sent: 'Requests accepted', failed: 'Requests failed', retried: 'Retries', dropped: 'Events dropped' };

export class Webhooks extends Paged {
  async page(cursor, signal) {
    const { endpoints, next, missing } = await get('webhooks', { node: this.props.query.node, cursor }, signal);
    return { items: endpoints, next, missing };
  }

  async replay(id) {
    try {
      const { state } = await post(path`webhooks/deliveries/${id}/replay`);
      this.setState({ done: state === 'delivered' ? 'The delivery was sent again and accepted.' : 'The delivery was sent again and refused again.', failed: null });
      await this.refresh();
    } catch (failed) {
      this.setState({ failed, done: null });
    }
  }

  render({ nodes, query }, { loaded, error, failed, done }) {
    const many = nodes.length > 1;
    const name = (e) => `Endpoint ${e.endpoint} of ${e.app}${many ? ` on ${e.node}` : ''}`;
    return html`
      ${many && html`<form class="filters" role="search" aria-label="Webhooks" onSubmit=${(e) => e.preventDefault()}>
        <${NodeChoice} nodes=${nodes} node=${query.node} choose=${(node) => go('webhooks', { ...query, node })} />
      </form>`}
      <${Missing} names=${loaded?.missing} />
      <${Notice} error=${failed ?? error} done=${done} />
      ${!loaded && !error && html`<p class="empty">Loading…</p>`}
      ${loaded?.items.length === 0 && html`<p class="empty">No app has an endpoint. The option <code>webhooks</code> of an app adds one.</p>`}
      ${loaded && loaded.items.length > 0 && html`<p class="lead">${many ? 'Each node has sent some of these deliveries. ' : ''}Only failed deliveries can be sent again.</p>`}
      ${loaded?.items.map((e) => html`
        <section key=${e.app + ' ' + e.endpoint + ' ' + e.node} class="card" aria-label=${name(e)}>
          <div class="heading">
            <h2>${e.url}</h2>
            <span class=${e.down ? 'badge bad' : 'badge good'}>${e.down ? 'down' : 'up'}</span>
          </div>
          <dl class="pairs narrow">
            <div><dt>App</dt><dd>${e.app}</dd></div>
            ${many && html`<div><dt>Node</dt><dd>${e.node}</dd></div>`}
            ${Object.entries(counts).map(([key, name]) => html`<div key=${key}><dt>${name}</dt><dd>${number(e[key])}</dd></div>`)}
          </dl>
          <${Deliveries} of=${e} replay=${(id) => this.replay(id)} />
        </section>`)}
      ${this.more()}`;
  }
}
