// Makes the app of docs/tutorial-presence.md from the page, and does in Chromium what it says.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';
import { tutorial } from './tutorial.mjs';

test('the lobby of docs/tutorial-presence.md does what the page says', { timeout: 300_000 }, async (t) => {
  oneNode(t, 'the page is the same for two');
  const server = await fanfare(t);
  const { block, open, run } = await tutorial(t, 'tutorial-presence.md', server, [
    'sh install', 'js server.mjs', 'html index.html', 'sh start', 'sh online', 'json',
  ]);
  const see = (tab, text) => tab.getByText(text, { exact: true }).waitFor({ timeout: 120_000 });
  const log = (tab) => tab.locator('#log li').allTextContents();

  const ann = await open('/?user=ann');
  await see(ann, '1 online');
  await see(ann, 'Ann (you)');
  assert.deepEqual(JSON.parse(await run('sh online')), JSON.parse(block('json')));

  const ben = await open('/?user=ben');
  for (const tab of [ann, ben]) await see(tab, '2 online');
  await see(ann, 'Ben joined');
  const second = await open('/', ben);
  await see(second, 'Ben (you)');
  await ben.close();
  // A user who joins later shows that nothing came before.
  const cy = await open('/?user=cy');
  await see(ann, 'Cy joined');
  assert.deepEqual(await log(ann), ['Ben joined', 'Cy joined']);
  await second.close();
  await see(ann, 'Ben left');
  await see(cy, '2 online');

  const stranger = await open();
  await see(stranger, 'refused: 403');
  await until('the back end lists who is there', async () => JSON.parse(await run('sh online')).users.map(({ id }) => id).sort().join() === 'ann,cy');
});
