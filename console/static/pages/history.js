// The last hour of this node, of all apps or of one.
import { get } from '../api.js';
import { bytes, milliseconds, number } from '../format.js';
import { html } from '../html.js';
import { Chart } from '../parts/chart.js';
import { Notice } from '../parts/notice.js';
import { Polled } from '../polled.js';

export class History extends Polled {
  every = 10_000; // the API's step

  load(signal) {
    return get('metrics/history', { app: this.state.app }, signal);
  }

  choose(app) {
    this.setState({ app, loaded: null }, () => this.refresh());
  }

  render({ apps, node }, { app = '', loaded, error }) {
    return html`
      <div class="heading">
        <h2>The last hour on ${node}</h2>
        <label class="inline">Charts of
          <select value=${app} onChange=${(e) => this.choose(e.target.value)}>
            <option value="">all apps</option>
            ${apps.map(({ id }) => html`<option key=${id} value=${id}>${id}</option>`)}
          </select>
        </label>
      </div>
      <${Notice} error=${error} />
      ${loaded && charts(loaded, app)}`;
  }
}

function charts({ times, step_s: step, loop_lag_ms: lag, api_p50_ms: p50, api_p99_ms: p99, total, apps }, app) {
  const of = app ? apps.find((a) => a.app === app) : total;
  if (times.length === 0) return html`<p class="empty">The first values appear ten seconds after the start.</p>`;
  if (!of) return html`<p class="empty">This app had no activity in the last hour.</p>`;
  const rate = (values) => values.map((v) => v / step);
  const all = [
    ['Connections', [['Connections', of.connections]], number],
    ['Deliveries a second', [['Deliveries', rate(of.deliveries)]], number],
    ['Messages a second', [['API events', rate(of.api_events)], ['Messages from clients', rate(of.messages_in)]], number],
    [app ? 'Memory held for the app' : 'Memory', [['Memory', of.memory_bytes]], bytes],
  ];
  if (!app) all.push(['Publish latency', [['Median', p50], ['99 % within', p99]], milliseconds], ['Loop lag', [['Loop lag', lag]], milliseconds]);
  return html`
    <div class="charts">
      ${all.map(([title, lines, show]) => html`
        <${Chart} key=${app + title} title=${title} times=${times} show=${show} lines=${lines.map(([name, values]) => ({ name, values }))} />`)}
    </div>`;
}
