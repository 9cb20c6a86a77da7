// One channel: its subscriptions, members, cached event and history.
import { get, path } from '../api.js';
import { duration, number } from '../format.js';
import { html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Payload } from '../parts/payload.js';
import { Polled } from '../polled.js';
import { link } from '../route.js';
import { KeptHistory } from './kepthistory.js';

export class ChannelCard extends Polled {
  load(signal) {
    return get(path`apps/${this.props.app}/channels/${this.props.name}`, {}, signal);
  }

  render({ app, name, close }, { loaded: c, error }) {
    return html`
      <section class="card" aria-label="The chosen channel">
        <div class="heading"><h2>${name}</h2><button class="quiet" onClick=${close}>Close</button></div>
        <${Notice} error=${error} />
        ${c && html`
          <dl class="pairs narrow">
            <div><dt>State</dt><dd>${c.occupied ? 'occupied' : 'vacated'}</dd></div>
            <div><dt>Kind</dt><dd>${c.kind}</dd></div>
            <div><dt>Subscriptions</dt><dd>${number(c.subscriptions)}</dd></div>
            ${c.kind.includes('presence') && html`<div><dt>Users</dt><dd>${number(c.users)}</dd></div>`}
          </dl>
          ${c.members.length > 0 && html`
            <h3>Members</h3>
            <ul class="members">${c.members.map((id) => html`<li key=${id}>${id}</li>`)}</ul>
            ${c.more_members && html`<p class="hint">Only the first ${number(c.members.length)} are shown.</p>`}`}
          ${c.kind.includes('cache') && html`
            <h3>Cached event</h3>
            ${c.cached
              ? html`<p class="hint">Expires in ${duration(c.cached.ttl_s)}.</p><${Payload} text=${c.cached.data} label="Data of the cached event" />`
              : html`<p class="empty">None.</p>`}`}`}
        <${KeptHistory} key=${name} app=${app} name=${name} />
        <p class="row">
          <a href=${link('debug', { app, channel: name })}>Watch its events</a>
          <a href=${link('creator', { app, channel: name })}>Send an event</a>
        </p>
      </section>`;
  }
}
