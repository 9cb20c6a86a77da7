// Chooses between the system's colours, light and dark ones.
import { Component, html } from '../html.js';

/** Dispatches the event "change" when the colours of the page change. */
export const theme = new EventTarget();

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => theme.dispatchEvent(new Event('change')));

export class ThemeSwitch extends Component {
  state = { chosen: document.documentElement.dataset.theme ?? 'system' };

  choose(chosen) {
    const { dataset } = document.documentElement;
    if (chosen === 'system') {
      delete dataset.theme;
      localStorage.removeItem('fanfare-theme');
    } else {
      dataset.theme = chosen;
      localStorage.setItem('fanfare-theme', chosen);
    }
    this.setState({ chosen });
    theme.dispatchEvent(new Event('change'));
  }

  render(_, { chosen }) {
    return html`
      <label class="inline">Theme
        <select value=${chosen} onChange=${(e) => this.choose(e.target.value)}>
          <option value="system">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>`;
  }
}
