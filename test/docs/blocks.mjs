// Reads the code blocks of a Markdown page.
import assert from 'node:assert/strict';

/** The code blocks of a page: what stands after the fence, and the text. */
export function codeBlocks(page) {
  const blocks = [];
  let open = null;
  for (const line of page.split('\n')) {
    const fence = line.match(/^\s*(?:`{3,}|~{3,})(.*)$/);
    if (!fence) open?.lines.push(line);
    else if (open) {
      blocks.push({ info: open.info, text: open.lines.join('\n') + '\n' });
      open = null;
    } else open = { info: fence[1].trim(), lines: [] };
  }
  assert.equal(open, null, 'a code block is not closed');
  return blocks;
}
