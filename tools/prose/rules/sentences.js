// Reports sentences with more than 40 words.
const { plain } = require('../plain.js');

const most = 40;

// A new sentence begins with a capital letter, a digit, code, a file or a name in lower case.
const boundary = /(?<=[.!?][)"']?)\s+(?=["'(]?(?:[\p{Lu}\d]|[\w/.-]+\.md\b|fanfare\b|pusher-js\b))/u;

module.exports = (context) => {
  const { Syntax, RuleError, report, locator, getFilePath } = context;
  // A YAML file has comments of one line each, between keys.
  if (getFilePath()?.endsWith('.yaml')) return {};
  const check = (node) => {
    const { text, source } = plain(node);
    let offset = 0;
    for (const sentence of text.split(boundary)) {
      const start = text.indexOf(sentence, offset);
      offset = start + sentence.length;
      const words = sentence.match(/[\p{L}\p{N}][^\s]*/gu)?.length ?? 0;
      if (words <= most) continue;
      const at = source(start) - node.range[0];
      const begin = sentence.split(/\s+/).slice(0, 6).join(' ');
      report(node, new RuleError(`${words} words in one sentence, at most ${most}: "${begin} …"`, { padding: locator.at(at) }));
    }
  };
  return { [Syntax.Paragraph]: check, [Syntax.TableCell]: check };
};
