// A button for what cannot be taken back: it asks first.
import { Component, createRef, html } from '../html.js';

export class Action extends Component {
  dialog = createRef();

  render({ label, question, yes, act }) {
    const close = () => this.dialog.current.close();
    return html`
      <button class="danger" onClick=${() => this.dialog.current.showModal()}>${label}</button>
      <dialog ref=${this.dialog} aria-label=${yes}>
        <p>${question}</p>
        <div class="row">
          <button class="danger" onClick=${() => { close(); act(); }}>${yes}</button>
          <button class="quiet" autofocus onClick=${close}>Leave it</button>
        </div>
      </dialog>`;
  }
}
