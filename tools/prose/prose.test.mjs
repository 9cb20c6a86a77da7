// Shows that the language check can fail: each word of the list is found, and so
// is a long sentence, where it stands. Code and plain sentences pass.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import words from './words.js';

/** What the check reports of files, by name and line. */
function check(t, files) {
  const folder = mkdtempSync(join(tmpdir(), 'prose-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { status, stdout, stderr } = spawnSync(fileURLToPath(new URL('lint', import.meta.url)), ['--format', 'json', '--', ...Object.keys(files).map((name) => join(folder, name))], { encoding: 'utf8' });
  assert.ok(stdout.startsWith('['), stdout + stderr);
  const found = JSON.parse(stdout).flatMap(({ filePath, messages }) => messages.map(({ line, ruleId, message }) => ({ at: `${filePath.slice(folder.length + 1)}:${line}`, ruleId, message })));
  assert.equal(status, found.length ? 1 : 0, stderr);
  return found;
}

const sentence = (words) => `A ${'word '.repeat(words - 2)}ends.`;

test('every word of the list, and a long sentence, is reported where it stands', (t) => {
  const page = words.map(({ example }) => `${example}\n\n`).join('') + `Short one. ${sentence(41)}\n`;
  const found = check(t, { 'page.md': page, 'config.yaml': 'a: 1 # Empty is off.\n# Bytes. 0 is none.\n' });
  for (const [i, { example, instead }] of words.entries()) {
    assert.ok(found.some(({ at, message }) => at === `page.md:${2 * i + 1}` && message.endsWith(instead)), example);
  }
  assert.ok(found.some(({ at, ruleId }) => at === `page.md:${2 * words.length + 1}` && ruleId === 'sentences'));
  for (const line of [1, 2]) assert.ok(found.some(({ at }) => at === `config.yaml:${line}`), `line ${line}`);
});

test('it is found in tables, lists, links, quotes and over the end of a line', (t) => {
  const found = check(t, { 'page.md': '# A mood\n\n| a |\n|---|\n| gives way |\n\n- a [lone one](x.md)\n\n> **For** all. It gives\n> way.\n\n**It** means\nnothing.\n' });
  assert.deepEqual(found.map(({ at }) => at).sort(), ['page.md:1', 'page.md:12', 'page.md:5', 'page.md:7', 'page.md:9']);
});

test('code, plain sentences and questions pass', (t) => {
  assert.deepEqual(check(t, { 'page.md': `# Who may publish?\n\n${sentence(40)} \`mood\` is a key. Who is online? fanfare ${'word '.repeat(20)}ends. docs/a.md ${'word '.repeat(30)}ends.\n\n\`\`\`sh\nanew by turns\n\`\`\`\n` }), []);
});
