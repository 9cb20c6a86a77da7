// Somebody who reads the console, and tries the code it shows.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** The source of axe-core. */
export const axe = () => readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

export class Reader {
  wrong = []; // what the browser complained about

  static async of(chromium, server, patience, options = {}) {
    const context = await chromium.newContext({ viewport: { width: 1280, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'], ...options });
    context.setDefaultTimeout(patience);
    const reader = new Reader();
    Object.assign(reader, { page: await context.newPage(), server });
    reader.page.on('console', (m) => m.type() === 'error' && reader.wrong.push(m.text()));
    reader.page.on('pageerror', (err) => reader.wrong.push(String(err)));
    return reader;
  }

  async open(name, query = {}) {
    await this.page.goto(`${this.server.console}#/${encodeURIComponent(name)}?${new URLSearchParams(query)}`);
    await this.page.reload(); // another hash alone is the same page
  }

  sees(text) {
    return this.page.locator('main').getByText(text, { exact: true }).first().waitFor();
  }

  row(text) {
    return this.page.locator('tbody tr:not(.detail)').filter({ hasText: text });
  }

  figure(name) {
    return this.page.locator('dl.numbers div', { has: this.page.getByText(name, { exact: true }) }).locator('dd').first().innerText();
  }

  shell(line) {
    return run('sh', ['-c', line]);
  }

  node(code, server) {
    const env = { ...process.env, PUSHER_HOST: '127.0.0.1', PUSHER_PORT: String(server.port), PUSHER_APP_SECRET: 'app-secret' };
    return run(process.execPath, ['-e', `(async () => { ${code} })()`], { env, cwd: new URL('.', import.meta.url).pathname });
  }
}
