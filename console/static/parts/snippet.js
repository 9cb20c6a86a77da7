// Code to copy.
import { Component, createRef, html } from '../html.js';

export class Snippet extends Component {
  state = { said: '' };
  code = createRef();

  async copy() {
    try {
      await navigator.clipboard.writeText(this.props.code);
      this.setState({ said: 'Copied' });
    } catch { // browsers deny pages over plain HTTP the clipboard
      getSelection().selectAllChildren(this.code.current);
      this.setState({ said: 'Selected; copy it with the keyboard' });
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.setState({ said: '' }), 3000);
  }

  componentWillUnmount() {
    clearTimeout(this.timer);
  }

  render({ label, code }, { said }) {
    return html`
      <figure class="snippet">
        <figcaption>
          <span>${label}</span>
          <span class="said" role="status">${said}</span>
          <button class="quiet" aria-label=${`Copy: ${label}`} onClick=${() => this.copy()}>Copy</button>
        </figcaption>
        <pre tabindex="0" role="region" aria-label=${label}><code ref=${this.code}>${code}</code></pre>
      </figure>`;
  }
}
