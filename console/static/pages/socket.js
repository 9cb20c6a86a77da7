// Details of the socket that the debug page follows.
import { get, path, post } from '../api.js';
import { bytes, moment } from '../format.js';
import { html } from '../html.js';
import { Action } from '../parts/action.js';
import { Notice } from '../parts/notice.js';
import { Polled } from '../polled.js';

export class SocketCard extends Polled {
  async load(signal) {
    const { app, socket } = this.props;
    if (!app) return null;
    return get(path`apps/${app}/sockets/${socket}`, {}, signal);
  }

  async close() {
    try {
      await post(path`apps/${this.props.app}/sockets/${this.props.socket}/close`, { code: 4009, reason: 'Closed in the console' });
      this.setState({ done: 'The socket is being closed.' });
    } catch (error) {
      this.setState({ error });
    }
  }

  render({ socket }, { loaded, error, done }) {
    const gone = error?.status === 404;
    return html`
      <section class="card socket" aria-label="The followed socket">
        <h2>Socket ${socket} ${gone && html`<span class="badge bad">gone</span>`}</h2>
        <${Notice} error=${gone ? null : error} done=${done} />
        ${gone && html`<p>The socket is closed. Its recorded events are below.</p>`}
        ${loaded && !gone && html`
          <dl class="pairs">
            <div><dt>User</dt><dd>${loaded.user || 'not signed in'}</dd></div>
            <div><dt>Since</dt><dd>${moment(loaded.since)}</dd></div>
            <div><dt>Address</dt><dd>${loaded.address}</dd></div>
            <div><dt>Transport</dt><dd>${loaded.transport}</dd></div>
            <div><dt>Node</dt><dd>${loaded.node}</dd></div>
            <div><dt>Received</dt><dd>${bytes(loaded.received_bytes)}</dd></div>
            <div><dt>Sent</dt><dd>${bytes(loaded.sent_bytes)}</dd></div>
            <div><dt>Waiting</dt><dd>${bytes(loaded.waiting_bytes)}</dd></div>
            <div><dt>Channels</dt><dd>${loaded.channels.join(', ') || 'none'}</dd></div>
          </dl>
          <${Action} label="Close the socket" yes="Close it" question=${`Close socket ${socket}? Its client does not reconnect by itself.`} act=${() => this.close()} />`}
      </section>`;
  }
}
