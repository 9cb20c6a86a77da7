// Real pages of the demo and of the Next.js examples, two and three people, one test.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { until } from '../support/wait.mjs';
import { demo, nextChat } from './apps.mjs';
import { person } from './person.mjs';

const examples = { 'examples/nextjs-chat': nextChat('nextjs-chat'), 'examples/nextjs-app-router': nextChat('nextjs-app-router') };

for (const [title, start] of Object.entries({ 'fanfare demo': demo, ...examples })) {
  test(title, async (t) => {
    const app = await start(t);
    const chromium = await browser(t);
    // Each has a browser of their own: cookies, storage.
    const browsers = { ann: await chromium.newContext(), ben: await chromium.newContext(), phone: await chromium.newContext({ viewport: { width: 375, height: 812 } }) };
    const ann = await person(browsers.ann, app.url, 'Ann', 'tea');
    const ben = await person(browsers.ben, app.url, 'Ben', 'tea');

    await t.test('two people join and see each other', async () => {
      await ann.join();
      await ann.sees(['Ann']);
      await ann.page.getByText('Nobody else is here yet.').waitFor();
      await ann.page.locator('textarea:focus').waitFor(); // to write at once
      await ben.join();
      for (const who of [ann, ben]) await who.sees(['Ann', 'Ben']);
      await ann.notice('Ben joined').waitFor();
      await ben.page.getByText('Nothing has been said').waitFor();
      await ann.page.getByText('Nobody else is here yet.').waitFor({ state: 'hidden' });
    });

    await t.test('they chat both ways', async () => {
      await ann.say('Hello Ben');
      await ben.hears('Hello Ben', { from: 'Ann' });
      await ann.hears('Hello Ben', { from: 'Ann' });
      await ben.page.getByLabel('Message').fill('Hi Ann');
      await ben.page.getByLabel('Message').press('Enter');
      await ann.hears('Hi Ann', { from: 'Ben' });
    });

    await t.test('typing appears and vanishes', async () => {
      await ann.page.getByLabel('Message').pressSequentially('typing', { delay: 20 });
      await ben.typing.filter({ hasText: 'Ann is typing…' }).waitFor();
      assert.equal(await ann.typing.textContent(), '');
      await until('the name vanishes', async () => (await ben.typing.textContent()) === '');
    });

    await t.test('a status reaches the others, and those who come later', async () => {
      await ann.page.getByLabel('Your status').selectOption('away');
      await ben.seesStatus('Ann', 'away');
      await ann.seesStatus('Ann', 'away');
      const cy = await person(browsers.phone, app.url, 'Cy', 'tea');
      await cy.join();
      await cy.seesStatus('Ann', 'away');
      assert.equal(await cy.page.evaluate(() => document.documentElement.scrollWidth), 375, 'no sideways scrolling on a phone');
      await cy.page.getByRole('button', { name: 'People' }).click();
      await cy.page.locator('li[data-user=Ann]').waitFor({ state: 'visible' });
      await cy.page.getByLabel('Message').waitFor({ state: 'hidden' });
      await cy.page.keyboard.press('Escape');
      await cy.page.locator('button[aria-expanded=false]:focus').waitFor();
      await cy.page.getByLabel('Message').waitFor();
      await cy.page.close();
      await ben.sees(['Ann', 'Ben']);
      await ben.notice('Cy left').waitFor();
    });

    await t.test('a second tab of the same person adds nobody', async () => {
      const second = await person(browsers.ann, app.url, 'Ann', 'tea');
      await ben.page.getByLabel('Your status').selectOption('busy');
      await ann.seesStatus('Ben', 'busy');
      await second.join();
      await second.sees(['Ann', 'Ben']);
      await second.seesStatus('Ann', 'away'); // as chosen in the first tab
      await second.seesStatus('Ben', 'busy'); // who has not seen anybody join
      await second.say('from my other tab');
      await ann.hears('from my other tab', { from: 'Ann' });
      await ben.hears('from my other tab', { from: 'Ann' });
      await ben.sees(['Ann', 'Ben']);
      await second.page.close();
      await ben.say('still there?'); // arrives after whatever the closed tab may have caused
      await ann.hears('still there?', { from: 'Ben' });
      await ben.sees(['Ann', 'Ben']);
      assert.equal(await ben.notice(/^Ann (joined|left)/).count(), 0);
    });

    await t.test('a name that is taken, an empty and an overlong message are refused in words', async () => {
      const other = await person(await chromium.newContext(), app.url, 'ann', 'tea');
      await other.fillForm();
      await other.alert.filter({ hasText: 'The name ann is taken in this room' }).waitFor();
      await other.fillForm(' ');
      await other.alert.filter({ hasText: 'enter a name' }).waitFor();
      await other.page.close();

      const before = await ann.page.locator('[data-kind=message]').count();
      await ann.say('   ');
      await ann.say('x'.repeat(2001));
      await ann.alert.filter({ hasText: '2000' }).waitFor();
      assert.equal(await ann.page.locator('[data-kind=message]').count(), before);
      await ann.say('🎉'.repeat(2000));
      await ben.message('🎉🎉', 'sent').waitFor();
    });

    await t.test('whoever reads the end stays there when the window turns', async () => {
      const { page } = ann;
      const fromEnd = () => page.getByTestId('messages').evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight);
      const size = page.viewportSize();
      for (const to of [{ width: 375, height: 812 }, { width: 812, height: 375 }, { width: 320, height: 480 }, size]) {
        await page.setViewportSize(to);
        await until(`the end shows at ${to.width}`, async () => (await fromEnd()) < 2);
      }
    });

    await t.test('markup stays text', async () => {
      await ann.say('<img src=x onerror="window.harmed=1"><b>bold</b>');
      await ben.hears('<b>bold</b>', { from: 'Ann' });
      assert.equal(await ben.page.evaluate(() => window.harmed), undefined);
      assert.equal(await ben.page.locator('.text b, .text img').count(), 0);
    });

    await t.test('a reload leads back into the room, with the status', async () => {
      await ann.page.reload();
      await ann.sees(['Ann', 'Ben']);
      for (const who of [ann, ben]) await who.seesStatus('Ann', 'away');
      await ann.say('back again');
      await ben.hears('back again', { from: 'Ann' });
    });

    await t.test('the network goes away in the middle of a message', async () => {
      app.pauseServer(); // nothing is refused: nothing answers
      for (const who of [ann, ben]) await who.page.evaluate(() => dispatchEvent(new Event('offline')));
      await ann.say('on its way');
      await ann.message('on its way', 'sending').waitFor();
      for (const who of [ann, ben]) await who.page.locator('[data-testid=connection][data-state=reconnecting]').waitFor();
      await ann.message('on its way', 'failed').waitFor();
      app.resumeServer();
      for (const who of [ann, ben]) await who.isConnected();
      await ann.message('on its way').getByRole('button', { name: 'Retry' }).click();
      for (const who of [ann, ben]) await who.hears('on its way', { from: 'Ann' }); // once, also if the first one arrived after all
      for (const who of [ann, ben]) await who.sees(['Ann', 'Ben']);
    });

    await t.test('the server is killed and comes back', async () => {
      await app.killServer();
      for (const who of [ann, ben]) await who.page.locator('[data-testid=connection][data-state=reconnecting]').waitFor();
      await ann.say('into the void');
      await ann.message('into the void', 'failed').waitFor();
      await until('attempts are counted', async () => (await ann.attempts()) >= 2 && (await ben.attempts()) >= 2);
      assert.match(await ann.connection.textContent(), /^Reconnecting, attempt \d+$/);
      await ann.alert.filter({ hasText: `Cannot reach ${app.address}, is fanfare running?` }).waitFor();
      await ann.stale.filter({ hasText: /^As of \d.*, when the connection was lost\.$/ }).waitFor();
      assert.match(await ann.page.getByTestId('count').textContent(), /^2 here at .*\d/);

      await app.startServer();
      for (const who of [ann, ben]) await who.isConnected();
      for (const who of [ann, ben]) await who.sees(['Ann', 'Ben']);
      for (const who of [ann, ben]) await who.stale.waitFor({ state: 'hidden' });
      assert.equal(await ann.page.locator('.banner:visible').count(), 0);
      await ben.seesStatus('Ann', 'away');
      await ann.message('into the void').getByRole('button', { name: 'Retry' }).click();
      await ben.hears('into the void', { from: 'Ann' });
      await ben.say('after the storm');
      await ann.hears('after the storm', { from: 'Ben' });
    });

    await t.test('whoever leaves is gone', async () => {
      await ben.page.getByRole('button', { name: 'Leave' }).click();
      await ben.page.getByRole('button', { name: 'Join' }).waitFor();
      await ann.notice('Ben left').waitFor();
      await ann.sees(['Ann']);
      await ben.page.reload();
      await ben.page.locator('button:enabled', { hasText: 'Join' }).waitFor(); // and not back in the room
    });

    assert.deepEqual([...ann.errors, ...ben.errors], []);
  });
}

test('fanfare demo: what was said while a tab was offline appears when it is back, once and in order', async (t) => {
  const app = await demo(t);
  const chromium = await browser(t);
  const [ann, ben] = await Promise.all(['Ann', 'Ben'].map(async (name) => person(await chromium.newContext(), app.url, name, 'tea')));
  for (const who of [ann, ben]) await who.join();
  for (const who of [ann, ben]) await who.sees(['Ann', 'Ben']);
  await ben.page.evaluate(() => window.Pusher.instances[0].disconnect());
  await ann.sees(['Ann']);
  const said = ['first', 'second', 'third'];
  for (const text of said) {
    await ann.say(text);
    await ann.hears(text, { from: 'Ann' });
  }
  await ben.page.evaluate(() => window.Pusher.instances[0].connect());
  for (const text of said) await ben.hears(text, { from: 'Ann' });
  assert.deepEqual(await ben.page.locator('[data-kind=message] .text').allTextContents(), said);
  assert.deepEqual([...ann.errors, ...ben.errors], []);
});

for (const [title, start] of Object.entries(examples)) {
  test(`${title}: whoever comes before the server is told so, and let in when it is there`, async (t) => {
    const app = await start(t);
    await app.killServer();
    const ann = await person(await (await browser(t)).newContext(), app.url, 'Ann', 'tea');
    await ann.fillForm();
    await ann.alert.filter({ hasText: `Cannot reach ${app.address}, is fanfare running?` }).waitFor();
    assert.equal(await ann.stale.count(), 0);
    await app.startServer();
    await ann.sees(['Ann']);
    await ann.alert.waitFor({ state: 'hidden' });
  });
}

test('a server that does not let the page in says why', async (t) => {
  const { url } = await nextChat('nextjs-chat')(t, { allowed_origins: ['https://elsewhere.example'] });
  const chromium = await browser(t);
  const ann = await person(await chromium.newContext(), url, 'Ann', 'tea');
  await ann.fillForm();
  await ann.alert.filter({ hasText: 'The server refused this connection. Origin not allowed.' }).waitFor();
  assert.equal(await ann.connection.getAttribute('data-state'), 'disconnected');
  await ann.say('anybody there?');
  await ann.message('anybody there?', 'failed').waitFor();
  await ann.page.getByRole('button', { name: 'Connect again' }).click();
  await ann.alert.filter({ hasText: 'Origin not allowed.' }).waitFor();
});

test('a room of 500', async (t) => {
  const { url, server } = await nextChat('nextjs-chat')(t);
  const names = Array.from({ length: 499 }, (_, i) => `guest-${i}`);
  const guests = names.map((name) => server.client({ user: { id: `${name}~00000000`, info: { name } } }).subscribe('presence-room-hall'));
  await until('everybody is in', () => guests.every((g) => g.subscribed));
  const chromium = await browser(t);
  const ann = await person(await chromium.newContext(), url, 'Ann', 'hall');
  await ann.join();
  await ann.sees(['Ann', ...names]);
  await ann.say('Good evening');
  await ann.hears('Good evening', { from: 'Ann' });

  // All set a status at once, more than pages are told by others in a second.
  for (const guest of guests) guest.trigger('client-status', { status: 'busy' });
  for (const name of names.slice(-3)) await ann.seesStatus(name, 'busy');
  for (const guest of guests.slice(0, 250)) guest.pusher.disconnect();
  await ann.sees(['Ann', ...names.slice(250)]);
  assert.deepEqual(ann.errors, []);
});
