// A part of a page that shows what the API says, again and again while it is seen.
import { Component } from './html.js';

export class Polled extends Component {
  every = 2000; // ms
  state = { loaded: null, error: null };

  /** Asks the API. What it returns becomes state.loaded. */
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

  /** Asks now. Of several questions under way, the last one asked counts. */
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
