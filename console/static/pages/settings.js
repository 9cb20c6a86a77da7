// The name and the options of an app in a form. Fields that were not edited are not sent.
import { get, patch, path } from '../api.js';
import { Component, html } from '../html.js';
import { Action } from '../parts/action.js';
import { Notice } from '../parts/notice.js';

export class Settings extends Component {
  state = { stored: null, error: null, done: null, name: null, limits: {}, others: null };

  componentDidMount() {
    this.load();
  }

  // Adding or removing a key also changes the app's version.
  componentDidUpdate({ keys }) {
    if (keys !== this.props.keys) this.load();
  }

  async load() {
    try {
      this.setState({ stored: await get(path`apps/${this.props.id}`), error: null });
    } catch (error) {
      this.setState({ error });
    }
  }

  again() {
    this.setState({ name: null, limits: {}, others: null, done: null });
    this.load();
  }

  async change(what, done) {
    try {
      const stored = await patch(path`apps/${this.props.id}`, { ...what, version: this.state.stored.version });
      this.setState({ stored, error: null, done, name: null, limits: {}, others: null });
      this.props.changed();
    } catch (error) {
      this.setState({ error, done: null });
    }
  }

  typed(what) {
    this.setState({ ...what, done: null, error: null });
  }

  render(_, { stored, error, done, name, limits, others }) {
    if (!stored) return html`<${Notice} error=${error} />${!error && html`<p class="empty">Loading…</p>`}`;
    const { limits: bounds, ...rest } = stored.options;
    const { options, wrong } = touched(limits, others);
    const ready = !wrong && (name !== null || Object.keys(options).length > 0);
    const save = (submit) => {
      submit.preventDefault();
      if (ready) this.change({ ...(name !== null && { name }), ...(Object.keys(options).length > 0 && { options }) }, 'Saved.');
    };
    return html`
      <form class="settings" aria-label="Settings" onSubmit=${save}>
        <h3>Settings</h3>
        <label class="short">Name<input value=${name ?? stored.name} spellcheck=${false} autocomplete="off" onInput=${(e) => this.typed({ name: e.target.value })} /></label>
        <h3 id="limits-title">Limits</h3>
        <div class="fields" role="group" aria-labelledby="limits-title">
          ${Object.entries(bounds ?? {}).map(([key, value]) => html`
            <label key=${key}>${key}
              <input type="number" min="0" step="1" value=${limits[key] ?? value} onInput=${(e) => this.typed({ limits: { ...limits, [key]: e.target.value } })} />
            </label>`)}
        </div>
        <p class="hint">0 means no limit for connections, channels, members, memory and rates. An empty field resets the limit to its default.</p>
        <label>Other options, as JSON
          <textarea rows="12" spellcheck=${false} aria-invalid=${String(Boolean(wrong))} aria-describedby="options-say" value=${others?.text ?? JSON.stringify(rest, null, 2)}
            onInput=${(e) => this.typed({ others: { text: e.target.value, from: others?.from ?? rest } })}></textarea>
        </label>
        <p id="options-say" class=${wrong ? 'says wrong' : 'says'} role="status">${wrong || 'Valid JSON. An option that you remove is reset to its default.'}</p>
        <${Notice} error=${error?.code === 'conflict' ? { message: 'Nothing was saved: the app has changed since this page loaded it. Loading it again discards your changes.' } : error} done=${done} />
        <div class="row">
          <button disabled=${!ready}>Save</button>
          ${error && html`<button type="button" class="quiet" onClick=${() => this.again()}>Load again</button>`}
        </div>
      </form>
      <div class="row">
        ${stored.enabled
          ? html`<${Action} label="Disable" yes="Disable the app" act=${() => this.change({ enabled: false }, 'The app is disabled.')}
              question=${`Disable ${stored.id}? Its connections are closed, and clients and back ends are refused until it is enabled again.`} />`
          : html`<button class="quiet" onClick=${() => this.change({ enabled: true }, 'The app is enabled.')}>Enable</button>`}
        <${Action} label="Delete" yes="Delete the app" typed=${stored.id} act=${this.props.remove}
          question=${`Delete ${stored.id} with its keys and options? Its connections are closed. This cannot be undone.`} />
      </div>`;
  }
}

/** The edited options as they are to be sent, and what is wrong with them. */
function touched(limits, others) {
  const options = {};
  for (const [key, text] of Object.entries(limits)) {
    options.limits = { ...options.limits, [key]: text.trim() === '' ? null : Number(text) };
  }
  if (!others) return { options };
  let typed;
  try {
    typed = JSON.parse(others.text);
  } catch (err) {
    return { options, wrong: `This is not JSON: ${err.message}` };
  }
  if (typed === null || typeof typed !== 'object' || Array.isArray(typed)) return { options, wrong: 'This must be an object: { "option": value }.' };
  if ('limits' in typed) return { options, wrong: 'Edit the limits in the fields above.' };
  for (const key of new Set([...Object.keys(others.from), ...Object.keys(typed)])) {
    if (JSON.stringify(typed[key]) !== JSON.stringify(others.from[key])) options[key] = typed[key] ?? null;
  }
  return { options };
}
