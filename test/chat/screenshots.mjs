// Takes the pictures of docs/images: both chats, on a desktop and on a phone.
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser } from '../support/browser.mjs';
import { demo, nextChat } from './apps.mjs';
import { person } from './person.mjs';

const images = fileURLToPath(new URL('../../docs/images/', import.meta.url));

for (const [name, start] of Object.entries({ demo, nextjs: nextChat('nextjs-chat') })) {
  test(name, { timeout: 120_000 }, async (t) => {
    const { url } = await start(t);
    const chromium = await browser(t);
    const [ann, ben, cy] = await Promise.all([
      chromium.newContext({ viewport: { width: 1100, height: 680 }, deviceScaleFactor: 1.5 }),
      chromium.newContext(),
      chromium.newContext({ viewport: { width: 375, height: 720 }, deviceScaleFactor: 2, colorScheme: 'dark' }),
    ].map(async (context, i) => person(await context, url, ['Ann', 'Ben', 'Cy'][i], 'release-party')));
    for (const who of [ann, ben, cy]) await who.join();
    await ben.page.getByLabel('Your status').selectOption('away');
    const lines = [
      [ann, 'The new build is out. Everyone sees this at once?'],
      [ben, 'Yes, on all three screens.'],
      [cy, 'On the phone too, in the dark.'],
      [cy, 'With who is here behind one button.'],
      [ann, 'Then we can tell people.'],
    ];
    for (const [who, text] of lines) {
      await who.say(text);
      for (const other of [ann, ben, cy]) await other.hears(text, { from: who.name });
    }
    await ben.page.getByLabel('Message').pressSequentially('I will write');
    for (const other of [ann, cy]) await other.typing.filter({ hasText: 'Ben is typing…' }).waitFor();
    await ann.page.screenshot({ path: `${images}${name}-desktop.png` });
    await ben.page.getByLabel('Message').pressSequentially(' the');
    await cy.page.screenshot({ path: `${images}${name}-phone.png` });
  });
}
