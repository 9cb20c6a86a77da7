// The layout of all pages: navigation, the selected app, the theme, and the form for the token.
import { get, hasToken, session, useToken } from './api.js';
import { Component, html } from './html.js';
import { Apps } from './pages/apps.js';
import { Channels } from './pages/channels.js';
import { Debug } from './pages/debug.js';
import { Creator } from './pages/creator.js';
import { Overview } from './pages/overview.js';
import { Users } from './pages/users.js';
import { Webhooks } from './pages/webhooks.js';
import { Notice } from './parts/notice.js';
import { ThemeSwitch } from './parts/themeswitch.js';
import { TokenForm } from './parts/tokenform.js';
import { Typed } from './parts/typed.js';
import { go, here, link } from './route.js';

// Pages with ofApp show one app, the selected one.
const pages = {
  overview: { title: 'Overview', part: Overview },
  debug: { title: 'Debug', part: Debug },
  channels: { title: 'Channels', part: Channels, ofApp: true },
  users: { title: 'Users', part: Users, ofApp: true },
  creator: { title: 'Event creator', part: Creator, ofApp: true },
  webhooks: { title: 'Webhooks', part: Webhooks },
  apps: { title: 'Apps', part: Apps },
};

export class Shell extends Component {
  state = { route: here(), apps: null, error: null, asking: false };

  componentDidMount() {
    addEventListener('hashchange', () => this.moved());
    session.addEventListener('unauthorized', () => {
      this.setState({ asking: true, apps: null, wrong: hasToken() });
      useToken(null);
    });
    this.enter();
  }

  async enter() {
    try {
      const { apps, next } = await get('apps', { limit: 1000 });
      const { nodes } = await get('nodes'); // one after the other: a second 401 would ask for the token again
      const living = nodes.filter((n) => n.state !== 'dead').map((n) => n.name || n.id);
      this.setState({ apps, nodes: [...new Set(living)].sort(), more: Boolean(next), asking: false, error: null });
    } catch (error) {
      if (error.status !== 401) this.setState({ error });
    }
  }

  moved() {
    const before = this.state.route.page;
    this.setState({ route: here() }, () => {
      if (before === this.state.route.page) return;
      document.querySelector('main h1')?.focus();
      this.enter(); // apps may have been added or removed
    });
  }

  render(_, { route, apps, nodes, more, error, asking, wrong }) {
    const { title, part: Page, ofApp } = pages[route.page] ?? { title: 'Page not found', part: Nowhere };
    document.title = `${title} · fanfare console`;
    if (asking) return html`<${TokenForm} wrong=${wrong} entered=${(token) => { useToken(token); this.enter(); }} />`;
    const app = route.query.app ?? apps?.[0]?.id ?? '';
    return html`
      <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
      <header class="top">
        <a class="brand" href=${link('overview')}><img src="icon.svg" alt="" width="28" height="28" /> fanfare</a>
        <nav aria-label="Pages">
          ${Object.entries(pages).map(([name, page]) => html`
            <a key=${name} href=${link(name, { app: route.query.app })} aria-current=${name === route.page ? 'page' : null}>${page.title}</a>`)}
        </nav>
        <div class="tools">
          ${hasToken() && html`<button class="quiet" onClick=${() => { useToken(null); location.reload(); }}>Forget the token</button>`}
          <${ThemeSwitch} />
        </div>
      </header>
      <main id="main" tabindex="-1">
        <div class="heading">
          <h1 tabindex="-1">${title}</h1>
          ${ofApp && apps && html`<${AppChoice} apps=${apps} more=${more} app=${app} choose=${(id) => go(route.page, { app: id })} />`}
        </div>
        <${Notice} error=${error} />
        ${apps && html`<${Page} key=${ofApp ? route.page + app : route.page} app=${app} apps=${apps} nodes=${nodes} query=${route.query} />`}
      </main>`;
  }
}

// The URL's hash holds the page, so the link cannot use it and moves the focus itself.
function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

function AppChoice({ apps, more, app, choose }) {
  const known = apps.some(({ id }) => id === app);
  return html`
    <label class="inline">App
      ${more
        ? html`<${Typed} value=${app} onChange=${(e) => choose(e.target.value)} />`
        : html`<select value=${app} onChange=${(e) => choose(e.target.value)}>
            ${!known && html`<option value=${app}>${app}</option>`}
            ${apps.map(({ id }) => html`<option key=${id} value=${id}>${id}</option>`)}
          </select>`}
    </label>`;
}

function Nowhere() {
  return html`<p>This page does not exist. <a href=${link('overview')}>Go to the overview</a></p>`;
}
