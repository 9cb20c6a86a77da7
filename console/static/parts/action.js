// A button for what cannot be taken back: it asks first. Where typed is set, that has to be typed too.
import { Component, createRef, html } from '../html.js';

export class Action extends Component {
  dialog = createRef();
  state = { text: '' };

  open() {
    this.setState({ text: '' });
    this.dialog.current.showModal();
  }

  act(submit) {
    submit.preventDefault();
    this.dialog.current.close();
    this.props.act();
  }

  render({ label, about, question, yes, typed }, { text }) {
    return html`
      <button type="button" class="danger" aria-label=${about && `${label}: ${about}`} onClick=${() => this.open()}>${label}</button>
      <dialog ref=${this.dialog} aria-label=${yes}>
        <form class="ask" onSubmit=${(e) => this.act(e)}>
          <p>${question}</p>
          ${typed !== undefined && html`
            <label>To go on, type ${typed}
              <input value=${text} spellcheck=${false} autocomplete="off" autocapitalize="off" autofocus onInput=${(e) => this.setState({ text: e.target.value })} />
            </label>`}
          <div class="row">
            <button class="danger" disabled=${typed !== undefined && text !== typed}>${yes}</button>
            <button type="button" class="quiet" autofocus=${typed === undefined} onClick=${() => this.dialog.current.close()}>Leave it</button>
          </div>
        </form>
      </dialog>`;
  }
}
