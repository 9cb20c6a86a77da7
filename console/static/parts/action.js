// A button for an action that cannot be undone: it asks for confirmation. If typed is set, the user must type that text.
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
            <label>To continue, type ${typed}
              <input value=${text} spellcheck=${false} autocomplete="off" autocapitalize="off" autofocus onInput=${(e) => this.setState({ text: e.target.value })} />
            </label>`}
          <div class="row">
            <button class="danger" disabled=${typed !== undefined && text !== typed}>${yes}</button>
            <button type="button" class="quiet" autofocus=${typed === undefined} onClick=${() => this.dialog.current.close()}>Cancel</button>
          </div>
        </form>
      </dialog>`;
  }
}
