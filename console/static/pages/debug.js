// The live events of the server, as a table with the newest at the top.
import { follow } from '../api.js';
import { plural } from '../format.js';
import { Component, html } from '../html.js';
import { Missing, NodeChoice } from '../parts/nodechoice.js';
import { Notice } from '../parts/notice.js';
import { Table } from '../parts/table.js';
import { Typed } from '../parts/typed.js';
import { go } from '../route.js';
import { Happening } from './happening.js';
import { Kept } from './kept.js';
import { SocketCard } from './socket.js';

const kinds = {
  connection: 'Connection', disconnection: 'Disconnection', subscription: 'Subscription', refusal: 'Refusal', api: 'API',
  client_event: 'Client event', signin: 'Sign-in', webhook: 'Webhook', error: 'Error',
};
const filters = { app: 'App', channel: 'Channel', socket: 'Socket', event: 'Event' };
const rowsShown = 200;
const beat = 150; // ms between two updates of the table

export class Debug extends Component {
  state = { open: false, paused: false, payload: true, error: null, expanded: null };
  kept = new Kept();

  componentDidMount() {
    this.ticker = setInterval(() => this.kept.changed && !this.state.paused && this.show(), beat);
    this.listen();
  }

  componentWillUnmount() {
    this.stop.abort();
    clearInterval(this.ticker);
  }

  // The server filters. Events that were received before a filter was set are filtered here.
  componentDidUpdate({ query }) {
    if (Object.keys({ ...query, ...this.props.query }).some((key) => query[key] !== this.props.query[key])) this.listen();
  }

  show() {
    this.kept.changed = false;
    this.setState({ rows: this.kept.matching(this.props.query, rowsShown), leftOut: this.kept.leftOut, waiting: 0 });
  }

  async listen() {
    this.stop?.abort();
    const { signal } = (this.stop = new AbortController());
    this.show();
    for (let payload = true; !signal.aborted;) {
      const { app, channel, socket, kind, node } = this.props.query;
      try {
        await follow({ app, channel, socket, kind, node, payload: payload && 'yes' }, signal,
          () => this.setState({ open: true, error: null, payload, missing: [] }), (event) => this.came(event));
        this.setState({ open: false });
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 403 && payload) {
          payload = false; // the token's role does not allow payloads
          continue;
        }
        this.setState({ open: false, error });
      }
      await new Promise((resume) => setTimeout(resume, 1000));
    }
  }

  came(event) {
    if (event.kind === 'missing') {
      this.setState({ missing: event.missing });
      return;
    }
    this.kept.add(event);
    if (this.state.paused) this.setState(({ waiting = 0 }) => ({ waiting: waiting + 1 }));
  }

  pause() {
    const paused = !this.state.paused;
    this.setState({ paused }, () => !paused && this.show());
  }

  set(key, value) {
    go('debug', { ...this.props.query, [key]: value.trim() });
  }

  render({ query, nodes }, { rows = [], leftOut = 0, waiting = 0, open, paused, payload, error, expanded, missing }) {
    const many = nodes.length > 1;
    return html`
      <${Notice} error=${error} />
      <form class="filters" role="search" aria-label="Filters" onSubmit=${(e) => e.preventDefault()}>
        ${Object.entries(filters).map(([key, name]) => html`
          <label key=${key}>${name}<${Typed} name=${key} value=${query[key] ?? ''} onChange=${(e) => this.set(key, e.target.value)} /></label>`)}
        <label>Kind
          <select name="kind" value=${query.kind ?? ''} onChange=${(e) => this.set('kind', e.target.value)}>
            <option value="">All</option>
            ${Object.entries(kinds).map(([key, name]) => html`<option key=${key} value=${key}>${name}</option>`)}
          </select>
        </label>
        <${NodeChoice} nodes=${nodes} node=${query.node} choose=${(node) => this.set('node', node)} />
        <button type="button" class="quiet" onClick=${() => go('debug')}>Clear the filters</button>
      </form>
      <${Missing} names=${missing} />
      <div class="row live">
        <span class=${open ? 'badge good' : 'badge bad'} role="status">${open ? 'live' : 'not connected'}</span>
        <button aria-pressed=${String(paused)} onClick=${() => this.pause()}>${paused ? `Continue (${plural(waiting, 'new event')})` : 'Pause'}</button>
        <button class="quiet" onClick=${() => { this.kept = new Kept(); this.show(); }}>Clear the table</button>
        <span class="hint">${leftOut > 0 && html`<strong class="left-out">${plural(leftOut, 'event was', 'events were')} left out</strong>: there were more than the page can show. `}
          ${!payload && 'This token cannot read payloads. '}The newest ${rowsShown} are shown.</span>
      </div>
      ${query.socket && html`<${SocketCard} key=${query.socket + query.app} socket=${query.socket} app=${query.app || appOf(rows)} />`}
      <${Table} label="Live events" columns=${['Time', 'Kind', 'What', 'Channel', 'Event', 'Socket', 'App', ...(many ? ['Node'] : [])]}
          empty="Nothing has happened since this page was opened." busy=${!open && !error}>
        ${rows.map((row) => html`
          <${Happening} key=${row.id} row=${row} kind=${kinds[row.kind]} open=${expanded === row.id} many=${many}
            toggle=${() => this.setState({ expanded: expanded === row.id ? null : row.id })}
            pick=${(key, value) => go('debug', key === 'socket' ? { app: row.app, socket: value } : { ...query, [key]: value })} />`)}
      <//>`;
  }
}

const appOf = (rows) => rows.find((r) => r.app)?.app;
