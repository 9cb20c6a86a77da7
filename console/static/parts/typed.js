// An input that keeps what the user types when the page is drawn again.
import { Component, createRef, html } from '../html.js';

export class Typed extends Component {
  input = createRef();

  componentDidMount() {
    this.input.current.value = this.props.value;
  }

  componentDidUpdate({ value }) {
    const { current } = this.input;
    if (value !== this.props.value && current !== document.activeElement) current.value = this.props.value;
  }

  render({ value, ...rest }) {
    return html`<input ref=${this.input} spellcheck=${false} autocomplete="off" ...${rest} />`;
  }
}
