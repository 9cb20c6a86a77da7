// Makes the app of docs/tutorial-chat.md from the page, and does in Chromium what it says.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanfare, oneNode } from '../support/fanfare.mjs';
import { tutorial } from './tutorial.mjs';

const binary = fileURLToPath(new URL('../.bin/fanfare', import.meta.url));

test('the chat of docs/tutorial-chat.md does what the page says', { timeout: 300_000 }, async (t) => {
  oneNode(t, 'the page is the same for two');
  const server = await fanfare(t);
  const { block, folder, open, run } = await tutorial(t, 'tutorial-chat.md', server, [
    'sh install', 'js server.mjs', 'html index.html', 'sh start', 'sh send', 'yaml config.yaml', 'sh serve',
  ]);
  const lines = (tab) => tab.locator('li').allTextContents();
  const says = async (tab, name, text) => {
    await tab.getByPlaceholder('Name').fill(name);
    await tab.getByPlaceholder('Message').fill(text);
    await tab.getByRole('button', { name: 'Send' }).click();
  };
  const see = (tab, text) => tab.getByText(text, { exact: true }).waitFor({ timeout: 120_000 });

  const [ann, ben] = [await open(), await open()];
  for (const tab of [ann, ben]) await see(tab, 'connected');
  await says(ann, 'Ann', '<b>Tea?</b>');
  for (const tab of [ann, ben]) await see(tab, 'Ann: <b>Tea?</b>');
  assert.equal(await run('sh send'), '');
  for (const tab of [ann, ben]) await see(tab, 'curl: Hello from a terminal');

  await server.stop();
  await ben.close();
  await see(ann, 'connecting');
  assert.equal(block('sh serve'), 'fanfare serve --config config.yaml\n');
  const config = join(folder, 'config.yaml');
  await writeFile(config, block('yaml config.yaml'));
  await promisify(execFile)(binary, ['config', 'check', '--config', config]);
  await writeFile(server.file, `listen: 127.0.0.1:${server.port}\nmetrics: { listen: "" }\n${block('yaml config.yaml')}`);
  await server.start();
  await see(ann, 'connected');
  await says(ann, 'Ann', 'Who was here?');
  await see(ann, 'Ann: Who was here?');
  const late = await open();
  await see(late, 'Ann: Who was here?');
  assert.deepEqual(await lines(late), ['Ann: Who was here?']);

  await ann.evaluate(() => pusher.disconnect());
  await see(ann, 'disconnected');
  await says(late, 'Cy', 'I came late');
  await see(late, 'Cy: I came late');
  await ann.evaluate(() => pusher.connect());
  await see(ann, 'Cy: I came late');
  assert.deepEqual(await lines(ann), ['Ann: <b>Tea?</b>', 'curl: Hello from a terminal', 'Ann: Who was here?', 'Cy: I came late']);
});
