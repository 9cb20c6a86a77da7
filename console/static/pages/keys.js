// The keys of an app: shows, adds and retires them.
import { get, path, post, remove } from '../api.js';
import { Component, createRef, html } from '../html.js';
import { Action } from '../parts/action.js';
import { Notice } from '../parts/notice.js';
import { Snippet } from '../parts/snippet.js';

export class Keys extends Component {
  state = { secrets: null, fresh: null, error: null, done: null };

  // The secrets belong to the keys at the time of the request: they are hidden when the keys change.
  componentDidUpdate({ app }) {
    const names = (list) => list.map(({ key }) => key).join(' ');
    if (this.state.secrets && names(app.keys) !== names(this.props.app.keys)) this.tell(null);
  }

  tell(secrets) {
    this.setState({ secrets });
    this.props.revealed(secrets);
  }

  async reveal() {
    try {
      const { apps } = await get('apps', { secrets: 'yes', app: this.props.app.id });
      this.setState({ error: null });
      this.tell(apps[0]?.keys ?? null);
    } catch (error) {
      this.setState({ error });
    }
  }

  async add() {
    try {
      this.setState({ fresh: await post(path`apps/${this.props.app.id}/keys`), error: null, done: null });
      this.props.changed();
    } catch (error) {
      this.setState({ error, done: null });
    }
  }

  async retire(key) {
    try {
      await remove(path`apps/${this.props.app.id}/keys/${key}`);
      this.setState(({ fresh }) => ({ error: null, done: `The key ${key} is retired.`, fresh: fresh?.key === key ? null : fresh }));
    } catch (error) {
      this.setState({ error, done: null });
    }
    this.props.changed();
  }

  render({ app, editable }, { secrets, fresh, error, done }) {
    return html`
      <h3>Keys</h3>
      <${Notice} error=${error} done=${done} />
      ${fresh && html`<${FreshKey} title="The new key" which="New" fresh=${fresh} close=${() => this.setState({ fresh: null })} />`}
      <ul class="plain keys">
        ${(secrets ?? app.keys).map(({ key, secret }) => html`
          <li key=${key}>
            <dl class="pairs"><div><dt>Key</dt><dd><code>${key}</code></dd></div><div><dt>Secret</dt><dd><code>${secret}</code></dd></div></dl>
            ${editable && (app.keys.length > 1
              ? html`<${Action} label="Retire" about=${key} yes="Retire the key" act=${() => this.retire(key)}
                  question=${`Retire the key ${key}? Clients and back ends that still use it are refused from then on. This cannot be undone.`} />`
              : html`<span class="hint">The only key cannot be retired.</span>`)}
          </li>`)}
      </ul>
      <div class="row">
        <button type="button" class="quiet" onClick=${() => (secrets ? this.tell(null) : this.reveal())}>${secrets ? 'Hide the secrets' : 'Show the secrets'}</button>
        ${editable && html`<button type="button" class="quiet" onClick=${() => this.add()}>Add a key</button>`}
      </div>`;
  }
}

/** A new key with its secret. */
export class FreshKey extends Component {
  title = createRef();

  componentDidMount() {
    this.title.current.focus();
  }

  render({ title, which, fresh, close }) {
    return html`
      <section class="card fresh" aria-label=${title}>
        <h2 ref=${this.title} tabindex="-1">${title}</h2>
        <p class="hint">Copy the secret now, and give it to your servers only.</p>
        <${Snippet} label=${`${which} key`} code=${fresh.key} />
        <${Snippet} label=${`${which} secret`} code=${fresh.secret} />
        <button class="quiet" onClick=${close}>I have copied it</button>
      </section>`;
  }
}
