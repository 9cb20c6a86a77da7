// Reports words and phrases that readers stumble over, listed in ../words.js.
const { plain } = require('../plain.js');
const words = require('../words.js');

module.exports = (context) => {
  const { Syntax, RuleError, report, locator } = context;
  const check = (node) => {
    const { text, source } = plain(node);
    for (const { pattern, instead } of words) {
      for (const match of text.matchAll(pattern)) {
        const at = source(match.index) - node.range[0];
        const found = match[0].replace(/\s+/g, ' ').trim();
        report(node, new RuleError(`"${found}": ${instead}`, { padding: locator.at(at) }));
      }
    }
  };
  return { [Syntax.Paragraph]: check, [Syntax.Header]: check, [Syntax.TableCell]: check };
};
