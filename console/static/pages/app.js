// One app in full.
import { get } from '../api.js';
import { Component, html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Snippet } from '../parts/snippet.js';
import { Keys } from './keys.js';
import { Settings } from './settings.js';
import { snippets } from './snippets.js';

export class AppCard extends Component {
  state = { secrets: null, error: null, language: 'pusher-js', host: location.hostname, port: '', tls: false };

  // Suggests where clients connect, from the server's configuration.
  async componentDidMount() {
    try {
      const { configuration } = await get('config');
      const port = /:(\d+)$/.exec(configuration.listen ?? '')?.[1] ?? '';
      this.setState({ port, tls: Boolean(configuration.tls?.cert_file) });
    } catch (error) {
      this.setState({ error });
    }
  }

  render({ app, editable, changed, remove }, { secrets, error, language, host, port, tls }) {
    const all = snippets({ id: app.id, key: app.keys[0]?.key ?? '', secret: secrets?.[0]?.secret ?? '', host, port, tls });
    return html`
      <section class="card" aria-label=${`App ${app.id}`}>
        <h2>${app.id}</h2>
        <${Notice} error=${error} />
        <${Keys} app=${app} editable=${editable} changed=${changed} revealed=${(shown) => this.setState({ secrets: shown })} />
        <h3>Connect</h3>
        <div class="filters">
          <label>Host<input value=${host} spellcheck=${false} onInput=${(e) => this.setState({ host: e.target.value })} /></label>
          <label>Port<input value=${port} inputmode="numeric" onInput=${(e) => this.setState({ port: e.target.value })} /></label>
          <label class="inline"><input type="checkbox" checked=${tls} onChange=${(e) => this.setState({ tls: e.target.checked })} />TLS</label>
          <label>Library
            <select value=${language} onChange=${(e) => this.setState({ language: e.target.value })}>
              ${Object.keys(all).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
            </select>
          </label>
        </div>
        <${Snippet} label=${language} code=${all[language]} />
        ${editable
          ? html`<${Settings} id=${app.id} keys=${app.keys.map(({ key }) => key).join(' ')} changed=${changed} remove=${remove} />`
          : html`<h3>Options</h3><${Options} of=${app.options} />`}
      </section>`;
  }
}

function Options({ of }) {
  return html`
    <dl class="pairs">
      ${flat(of).map(([key, value]) => html`<div key=${key}><dt>${key}</dt><dd>${value}</dd></div>`)}
    </dl>`;
}

// limits: {a: 1} is shown as limits.a 1
function flat(options, prefix = '') {
  return Object.entries(options).flatMap(([key, value]) => (
    value && typeof value === 'object' && !Array.isArray(value) ? flat(value, `${prefix}${key}.`) : [[prefix + key, typeof value === 'string' ? value || '–' : JSON.stringify(value)]]
  ));
}
