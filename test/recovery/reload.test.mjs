// A page that reloads itself where it cannot recover: the server was killed, and had
// the history in memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import { browser } from '../support/browser.mjs';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { script } from './forms.mjs';

const require = createRequire(import.meta.url);

// What the page does: it loads what there is, and then hears what comes. Where it
// cannot recover, it begins again.
const start = async (port) => {
  window.pusher = new Pusher('app-key', {
    cluster: 'any', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
  });
  FanfareRecovery.recover(window.pusher, {
    onGap: (channel, reason) => {
      sessionStorage.gaps = `${sessionStorage.gaps ?? ''}${channel} ${reason};`;
      location.reload();
    },
  });
  const channel = window.pusher.subscribe('orders');
  const early = [];
  channel.bind('order', (n) => (window.orders ?? early).push(n));
  await new Promise((resume) => channel.bind('pusher:subscription_succeeded', resume));
  const loaded = await (await fetch('/orders')).json();
  window.orders = [...loaded, ...early.filter((n) => !loaded.includes(n))];
};

test('chromium: kill -9 with the history in memory: the page is told, reloads and has everything', async (t) => {
  oneNode(t, 'in a cluster the history outlives a node');
  const server = await fanfare(t, { app: { history: [{ channels: 'orders', events: 100, ttl: '10m' }] } });
  const orders = []; // the database
  const site = createServer(async (req, res) => {
    if (req.url === '/pusher.js') return res.end(await readFile(require.resolve('pusher-js/dist/web/pusher.js')));
    if (req.url === '/recovery.js') return res.end(script);
    if (req.url === '/orders') return res.end(JSON.stringify(orders));
    res.setHeader('content-type', 'text/html');
    res.end(`<!doctype html><script src="/pusher.js"></script><script src="/recovery.js"></script><script>(${start})(${server.port})</script>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  t.after(() => {
    site.closeAllConnections();
    site.close();
  });
  const order = async () => {
    orders.push(orders.length + 1);
    await server.sdk.trigger('orders', 'order', orders.length);
  };
  const page = await (await (await browser(t)).newContext()).newPage();
  const shows = () => until(`the page has ${orders.length} orders`, async () => {
    const shown = await page.evaluate(() => window.orders).catch(() => null); // it reloads
    return shown?.length >= orders.length && shown;
  }).then((shown) => assert.deepEqual(shown, orders));

  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  await until('the page is there', () => page.evaluate(() => window.orders));
  await order();
  await order();
  await shows();
  await server.stop('SIGKILL');
  orders.push(3); // said by nobody
  await server.start();
  await shows();
  await order();
  await shows();
  assert.equal(await page.evaluate(() => sessionStorage.gaps), 'orders epoch_changed;');
});
