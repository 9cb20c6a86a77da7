// A list that the API returns in pages. It requests the first page periodically, and further ones after "Show more".
import { html } from '../html.js';
import { Polled } from '../polled.js';

export class Paged extends Polled {
  pages = 1;

  /** Requests one page: { items, next }. */
  page(_cursor, _signal) {
    throw new Error('not written');
  }

  async load(signal) {
    const all = { items: [], next: '' };
    for (let n = 0; n < this.pages; n++) {
      const { items, next, ...rest } = await this.page(all.next, signal);
      Object.assign(all, rest, { next, items: all.items.concat(items) });
      if (!next) break;
    }
    return all;
  }

  /** Starts again with one page when another node is selected. */
  componentDidUpdate({ query }) {
    if (query?.node === this.props.query?.node) return; // not every list has a query
    this.pages = 1;
    this.refresh();
  }

  more() {
    if (!this.state.loaded?.next || this.pages >= 20) return null; // 2,000 lines are enough for a page
    return html`<button class="quiet" onClick=${() => { this.pages++; this.refresh(); }}>Show more</button>`;
  }
}
