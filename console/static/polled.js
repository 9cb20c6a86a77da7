// A part of a page that shows data of the API, which it requests again periodically while it is visible.
import { Component } from './html.js';

export class Polled extends Component {
  every = 2000; // ms
  state = { loaded: null, error: null };

  /** Requests the data from the API. The result becomes state.loaded. */
  load(_signal) {
    throw new Error('not written');
  }

  componentDidMount() {
    this.leaving = new AbortController();
    this.run(this.leaving.signal);
  }

  componentWillUnmount() {
    this.leaving.abort();
    clearTimeout(this.timer);
  }

  async run(signal) {
    if (!document.hidden || !this.state.loaded) await this.refresh();
    if (!signal.aborted) this.timer = setTimeout(() => this.run(signal), this.every);
  }

  /** Requests the data now. If several requests are in progress, the result of the last one is used. */
  async refresh() {
    const { signal } = this.leaving;
    const asked = (this.asked = {});
    try {
      const loaded = await this.load(signal);
      if (!signal.aborted && this.asked === asked) this.setState({ loaded, error: null });
    } catch (error) {
      if (!signal.aborted && this.asked === asked) this.setState({ error });
    }
  }
}
