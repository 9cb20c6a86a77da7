// Endpoints of webhooks: how they do, and what was sent to them last.
import { get, path, post } from '../api.js';
import { number } from '../format.js';
import { html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Paged } from '../parts/paged.js';
import { Deliveries } from './deliveries.js';

const counts = { queued: 'Events waiting', sent: 'Requests accepted', failed: 'Requests failed', retried: 'Retries', dropped: 'Events dropped' };

export class Webhooks extends Paged {
  async page(cursor, signal) {
    const { endpoints, next, node } = await get('webhooks', { cursor }, signal);
    return { items: endpoints, next, node };
  }

  async replay(id) {
    try {
      const { state } = await post(path`webhooks/deliveries/${id}/replay`);
      this.setState({ done: state === 'delivered' ? 'The delivery was sent again and accepted.' : 'The delivery was sent again and refused once more.', failed: null });
      await this.refresh();
    } catch (failed) {
      this.setState({ failed, done: null });
    }
  }

  render(_, { loaded, error, failed, done }) {
    return html`
      <${Notice} error=${failed ?? error} done=${done} />
      ${!loaded && !error && html`<p class="empty">Loading…</p>`}
      ${loaded?.items.length === 0 && html`<p class="empty">No app has an endpoint. The option <code>webhooks</code> of an app adds one.</p>`}
      ${loaded && loaded.items.length > 0 && html`<p class="lead">What node <strong>${loaded.node}</strong> has sent. Only failed deliveries can be sent again.</p>`}
      ${loaded?.items.map((e) => html`
        <section key=${e.app + ' ' + e.endpoint} class="card" aria-label=${`Endpoint ${e.endpoint} of ${e.app}`}>
          <div class="heading">
            <h2>${e.url}</h2>
            <span class=${e.down ? 'badge bad' : 'badge good'}>${e.down ? 'down' : 'up'}</span>
          </div>
          <dl class="pairs narrow">
            <div><dt>App</dt><dd>${e.app}</dd></div>
            ${Object.entries(counts).map(([key, name]) => html`<div key=${key}><dt>${name}</dt><dd>${number(e[key])}</dd></div>`)}
          </dl>
          <${Deliveries} of=${e} replay=${(id) => this.replay(id)} />
        </section>`)}
      ${this.more()}`;
  }
}
