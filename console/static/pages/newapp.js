// Creates an app and shows its first key.
import { post } from '../api.js';
import { Component, createRef, html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { go } from '../route.js';
import { FreshKey } from './keys.js';

export class NewApp extends Component {
  state = { open: false, id: '', name: '', error: null, app: null };

  id = createRef();

  open() {
    this.setState({ open: true, error: null, app: null }, () => this.id.current.focus());
  }

  async create(submit) {
    submit.preventDefault();
    const { id, name } = this.state;
    try {
      const app = await post('apps', { ...(id && { id }), ...(name && { name }) });
      this.setState({ open: false, id: '', name: '', error: null, app });
      go('apps', { app: app.id });
      this.props.made();
    } catch (error) {
      this.setState({ error });
    }
  }

  field(key) {
    return { value: this.state[key], spellcheck: false, autocomplete: 'off', onInput: (e) => this.setState({ [key]: e.target.value, error: null }) };
  }

  render(_, { open, error, app }) {
    return html`
      ${app && html`<${FreshKey} title=${`App ${app.id} is created`} which="First" fresh=${app.keys[0]} close=${() => this.setState({ app: null })} />`}
      ${!open && html`<div class="row"><button onClick=${() => this.open()}>Create an app</button></div>`}
      ${open && html`
        <form class="card" aria-label="New app" onSubmit=${(e) => this.create(e)}>
          <h2>New app</h2>
          <div class="fields">
            <label>Id<input ref=${this.id} ...${this.field('id')} aria-describedby="id-says" /></label>
            <label>Name<input ...${this.field('name')} /></label>
          </div>
          <p id="id-says" class="hint">Back ends identify the app by its id, which cannot be changed. If you leave it empty, the server creates one. The name is only a label.</p>
          <${Notice} error=${error} />
          <div class="row">
            <button>Create</button>
            <button type="button" class="quiet" onClick=${() => this.setState({ open: false })}>Cancel</button>
          </div>
        </form>`}`;
  }
}
