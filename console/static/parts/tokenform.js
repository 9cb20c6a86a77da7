// Asks for a token of admin.tokens. It is kept until the tab is closed.
import { html } from '../html.js';

export function TokenForm({ wrong, entered }) {
  const submit = (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get('token').trim();
    if (token) entered(token);
  };
  return html`
    <main id="main" class="gate">
      <h1><img src="icon.svg" alt="" width="36" height="36" /> fanfare console</h1>
      <form class="card" onSubmit=${submit}>
        <label>Admin token
          <input name="token" type="password" autocomplete="off" required autofocus />
        </label>
        <p class="hint">Run <code>fanfare admin token</code> to create one. The browser keeps it until you close this tab.</p>
        <div role="alert">${wrong && html`<p class="notice bad">The server does not accept this token.</p>`}</div>
        <button type="submit">Enter</button>
      </form>
    </main>`;
}
