// A text that may be long: its beginning, and a button that shows all of it.
import { Component, html } from '../html.js';
import { bytes } from '../format.js';

const shown = 2000; // characters

export class Payload extends Component {
  state = { whole: false };

  render({ text, label = 'Payload' }, { whole }) {
    const long = text.length > shown;
    const size = new Blob([text]).size;
    return html`
      <div class="payload">
        <pre tabindex="0" role="region" aria-label=${label}>${whole || !long ? text : text.slice(0, shown) + '…'}</pre>
        ${long && html`<button class="quiet" onClick=${() => this.setState({ whole: !whole })}>${whole ? 'Show less' : `Show all (${bytes(size)})`}</button>`}
      </div>`;
  }
}
