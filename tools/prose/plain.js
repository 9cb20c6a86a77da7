// The text of a paragraph as a reader sees it.

/**
 * The text of a node without marks, with `Code` for each piece of code, and a
 * function from a position in it to the position in the file.
 */
exports.plain = (node) => {
  let text = '';
  const pieces = [];
  const add = (piece, position) => {
    pieces.push([text.length, position]);
    text += piece;
  };
  const walk = (child) => {
    if (child.type === 'Code') add('Code', child.range[0]);
    else if (child.type === 'Str') add(child.value.replaceAll('\n', ' '), child.range[0]);
    else if (child.type === 'Break') add(' ', child.range[0]);
    else child.children?.forEach(walk);
  };
  node.children.forEach(walk);
  const source = (offset) => {
    const [start, position] = pieces.findLast(([begin]) => begin <= offset) ?? [0, node.range[0]];
    return position + offset - start;
  };
  return { text, source };
};
