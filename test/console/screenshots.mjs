// Takes the pictures of docs/images/console: each page of the console, on a desktop and on a phone, light and dark.
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser } from '../support/browser.mjs';
import { until } from '../support/wait.mjs';
import { Reader } from './reader.mjs';
import { scene } from './scene.mjs';

// They go to CONSOLE_PICTURES if that is set.
const images = process.env.CONSOLE_PICTURES ?? fileURLToPath(new URL('../../docs/images/console', import.meta.url));

test('pictures of the console', { timeout: 300_000 }, async (t) => {
  const { server, people } = await scene(t);
  const chromium = await browser(t);
  let talking = true;
  const talk = (async () => {
    for (let n = 1; talking; n++) {
      people[n % 3].channel('private-orders').trigger('client-typing', { order: n });
      await server.sdk.trigger('orders', 'order', { number: n });
      await new Promise((resume) => setTimeout(resume, 150));
    }
  })();
  const history = async () => (await server.admin('GET', 'metrics/history')).times.length >= Number(process.env.CONSOLE_POINTS ?? 12);
  await until('the charts have a line', history);
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 375, height: 720 } })) {
      const reader = await Reader.of(chromium, server, 60_000, { colorScheme, viewport, deviceScaleFactor: size === 'phone' ? 2 : 1 });
      for (const [name, query, shows] of [
        ['overview', {}, 'this one'], ['debug', {}, 'live'], ['channels', { app: 'shop', channel: 'presence-lobby' }, 'Members'],
        ['users', { app: 'shop' }, 'cy'], ['creator', { app: 'shop' }, 'Valid JSON.'], ['webhooks', {}, 'retrying'], ['apps', { app: 'shop' }, 'limits.max_connections'],
      ]) {
        await reader.open(name, query);
        await reader.sees(shows);
        if (name === 'debug') {
          await reader.row('client event').nth(4).waitFor();
          await reader.page.getByRole('button', { name: 'Pause' }).click();
          await reader.row('client event').nth(2).getByRole('button', { expanded: false }).click();
        }
        await reader.page.screenshot({ path: `${images}/${name}-${size}-${colorScheme}.png` });
      }
    }
  }
  talking = false;
  await talk;
});
