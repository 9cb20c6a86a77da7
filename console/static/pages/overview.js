// The state of the server: current numbers, the nodes, and charts of the last hour.
import { get } from '../api.js';
import { bytes, duration, milliseconds, number } from '../format.js';
import { html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Table } from '../parts/table.js';
import { Polled } from '../polled.js';
import { History } from './history.js';

export class Overview extends Polled {
  async load(signal) {
    const [now, { nodes, wrong }] = await Promise.all([get('overview', {}, signal), get('nodes', {}, signal)]);
    return { now, nodes, wrong };
  }

  render({ apps }, { loaded, error }) {
    if (!loaded) return html`<${Notice} error=${error} /><p class="empty">Loading…</p>`;
    const { now, nodes, wrong } = loaded;
    const { cluster, rates } = now;
    return html`
      <${Notice} error=${error} />
      ${wrong.map((text) => html`<p key=${text} class="notice bad">${text}</p>`)}
      <p class="lead">
        <span class=${now.ready ? 'badge good' : 'badge bad'}>${now.draining ? 'draining' : now.ready ? 'ready' : 'not ready'}</span>
        ${' '}Node <strong>${now.node}</strong>, version ${now.version}, up for ${duration(now.uptime_s)}.
        ${cluster ? ' The numbers and charts are those of this node unless they say otherwise.' : ''}
      </p>
      <dl class="numbers">
        ${cluster && html`<${Figure} name="Nodes" value=${number(cluster.nodes)} />`}
        <${Figure} name="Connections" value=${number(now.connections)} more=${cluster && `${number(cluster.connections)} on all nodes`} />
        <${Figure} name="Channels" value=${number(now.channels)} />
        <${Figure} name="Presence members" value=${number(now.members)} more=${cluster && `${number(cluster.members)} on all nodes`} />
        <${Figure} name="Deliveries a second" value=${number(rates.deliveries)} more=${`${number(now.deliveries)} in total`} />
        <${Figure} name="Messages received a second" value=${number(rates.messages_in)} more=${`${number(now.messages_in)} in total`} />
        <${Figure} name="API events a second" value=${number(rates.api_events)} more=${`${number(now.api_events)} in total`} />
        <${Figure} name="Client events a second" value=${number(rates.client_events)} more=${`${number(now.client_events)} in total`} />
        <${Figure} name="Publish latency" value=${milliseconds(now.api_latency_ms.p50)} more=${`99 % within ${milliseconds(now.api_latency_ms.p99)}`} />
        <${Figure} name="Loop lag" value=${milliseconds(now.loop_lag_ms)} more=${`${now.loop_sockets.length} loops`} />
        <${Figure} name="Memory" value=${bytes(now.memory_bytes)} more=${now.memory_limit_bytes ? `of ${bytes(now.memory_limit_bytes)}` : 'no limit'} />
      </dl>
      <${History} apps=${apps} node=${now.node} />
      <h2>Nodes</h2>
      <${Table} label="Nodes" columns=${['Node', 'State', 'Version', 'Connections', 'Channels', 'Members', 'Up for', 'Last heartbeat']}>
        ${nodes.map((n) => html`
          <tr key=${n.id + n.name}>
            <th scope="row">${n.name}${n.itself && html` <span class="badge">this one</span>`}</th>
            <td><span class=${n.state === 'alive' ? 'badge good' : 'badge bad'}>${n.state}</span></td>
            <td>${n.version}</td>
            <td class="n">${number(n.connections)}</td><td class="n">${number(n.channels)}</td><td class="n">${number(n.members)}</td>
            <td>${duration(n.age_s)}</td><td>${n.itself ? 'now' : `${number(n.last_heard_ms)} ms ago`}</td>
          </tr>`)}
      <//>`;
  }
}

function Figure({ name, value, more }) {
  return html`<div class="card"><dt>${name}</dt><dd>${value}</dd>${more && html`<dd class="hint">${more}</dd>`}</div>`;
}
