// Somebody in front of a page of the chat.
import assert from 'node:assert/strict';
import { factor, until } from '../support/wait.mjs';

// Above the 40 s after which the chat notices a lost network at the latest
// (clients/room/realtime.js).
const patience = 120_000 * factor; // ms

/** Opens the page in a browser context. What the page throws fails the test at `errors`. */
export async function person(context, url, name, room) {
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const who = new Person(page, name);
  page.on('pageerror', (err) => who.errors.push(err));
  await page.goto(`${url}/?room=${room}`);
  return who;
}

class Person {
  errors = [];

  constructor(page, name) {
    Object.assign(this, { page, name });
    this.connection = page.getByTestId('connection');
    this.members = page.locator('[data-testid=members] li');
    this.typing = page.getByTestId('typing');
    this.stale = page.getByTestId('stale');
    this.alert = page.getByRole('alert');
  }

  async fillForm(name = this.name) {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByRole('button', { name: 'Join' }).click();
  }

  async join(name = this.name) {
    await this.fillForm(name);
    await this.page.locator('[data-testid=members] li[data-me=true]').waitFor({ state: 'attached' });
  }

  async say(text) {
    await this.page.getByLabel('Message').fill(text);
    await this.page.getByRole('button', { name: 'Send' }).click();
  }

  message(text, state) {
    return this.page.locator(`[data-testid=messages] > [data-kind=message]${state ? `[data-state=${state}]` : ''}`)
      .filter({ has: this.page.locator('.text', { hasText: text }) });
  }

  async hears(text, { from }) {
    const message = this.message(text, 'sent');
    await message.waitFor();
    assert.equal(await message.count(), 1, `${this.name} sees ${text} once`);
    assert.equal(await message.getAttribute('data-sender'), from);
  }

  notice(text) {
    return this.page.locator('[data-kind=notice]', { hasText: text });
  }

  async sees(names) {
    const shown = () => this.members.evaluateAll((list) => list.map((li) => li.dataset.user));
    await until(`${this.name} sees ${names.join(', ')}`, async () => {
      const list = await shown();
      return list.length === names.length && names.every((n) => list.includes(n));
    });
    await until('the count', async () => (await this.page.getByTestId('count').textContent()) === `${names.length} here`);
  }

  async seesStatus(name, status) {
    await this.page.locator(`[data-testid=members] li[data-user="${name}"][data-status=${status}]`).waitFor({ state: 'attached' });
  }

  async isConnected() {
    await this.page.locator('[data-testid=connection][data-state=connected][data-attempts="0"]').waitFor();
  }

  async attempts() {
    return Number(await this.connection.getAttribute('data-attempts'));
  }
}
