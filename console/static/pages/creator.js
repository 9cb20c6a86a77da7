// Sends an event, and shows the code that does the same.
import { path, post } from '../api.js';
import { plural } from '../format.js';
import { Component, html } from '../html.js';
import { Notice } from '../parts/notice.js';
import { Snippet } from '../parts/snippet.js';
import { curl, node, php } from './sending.js';

export class Creator extends Component {
  state = {
    to: this.props.query.user ? 'user' : 'channels',
    channels: this.props.query.channel ?? 'my-channel', user: this.props.query.user ?? '', name: 'my-event', data: '{"message": "hello"}',
    format: 'json', sending: false, error: null, done: null,
  };

  field(key) {
    return { name: key, value: this.state[key], onInput: (e) => this.setState({ [key]: e.target.value, done: null, error: null }) };
  }

  /** The body of the request to the API. */
  event() {
    const { to, channels, user, name, data } = this.state;
    const target = to === 'user' ? { user } : { channels: channels.split(',').map((c) => c.trim()).filter(Boolean) };
    return { name, data, ...target };
  }

  async send(submit) {
    submit.preventDefault();
    if (this.wrong()) return;
    this.setState({ sending: true, error: null, done: null });
    try {
      const { channels } = await post(path`apps/${this.props.app}/events`, this.event());
      this.setState({ done: this.state.to === 'user' ? `Sent to ${this.state.user}.` : `Sent to ${plural(channels.length, 'channel')}.` });
    } catch (error) {
      this.setState({ error });
    }
    this.setState({ sending: false });
  }

  /** What is wrong with the data; '' if it is valid, or need not be JSON. */
  wrong() {
    if (this.state.format !== 'json') return '';
    try {
      JSON.parse(this.state.data);
      return '';
    } catch (err) {
      return `This is not JSON: ${err.message}`;
    }
  }

  render({ app, apps }, { to, format, sending, error, done }) {
    const wrong = this.wrong();
    const event = this.event();
    const key = apps.find(({ id }) => id === app)?.keys[0]?.key ?? 'APP_KEY';
    return html`
      <div class="columns">
        <form class="card" onSubmit=${(e) => this.send(e)}>
          <fieldset>
            <legend>To</legend>
            ${[['channels', 'Channels'], ['user', 'A user']].map(([value, name]) => html`
              <label key=${value} class="inline"><input type="radio" name="to" value=${value} checked=${to === value} onChange=${() => this.setState({ to: value })} />${name}</label>`)}
          </fieldset>
          ${to === 'user'
            ? html`<label>User id<input ...${this.field('user')} required spellcheck=${false} autocomplete="off" /></label>`
            : html`<label>Channels, separated by commas<input ...${this.field('channels')} required spellcheck=${false} autocomplete="off" /></label>`}
          <label>Event<input ...${this.field('name')} required spellcheck=${false} autocomplete="off" /></label>
          <label>Data is
            <select value=${format} onChange=${(e) => this.setState({ format: e.target.value })}>
              <option value="json">JSON</option><option value="text">any text</option>
            </select>
          </label>
          <label>Data<textarea ...${this.field('data')} rows="8" spellcheck=${false} aria-invalid=${String(Boolean(wrong))} aria-describedby="data-says"></textarea></label>
          <p id="data-says" class=${wrong ? 'says wrong' : 'says'} role="status">${wrong || (format === 'json' ? 'Valid JSON.' : 'Sent as it is.')}</p>
          <${Notice} error=${error} done=${done} />
          <button type="submit" disabled=${sending || Boolean(wrong)}>Send</button>
        </form>
        <section aria-label="The same in code">
          <h2>The same in code</h2>
          ${wrong
            ? html`<p class="empty">The code appears when the data is valid JSON.</p>`
            : html`
              <${Snippet} label="curl, over the admin API" code=${curl(app, event)} />
              <${Snippet} label="Node, pusher package" code=${node(app, key, event, format)} />
              <${Snippet} label="PHP, pusher/pusher-php-server" code=${php(app, key, event)} />`}
        </section>
      </div>`;
  }
}
