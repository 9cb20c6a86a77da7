// Where the reader is: #/page?key=value, so that links, back and reload work.
export function here() {
  const [page, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { page: page || 'overview', query: Object.fromEntries(new URLSearchParams(query)) };
}

export function link(page, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams(kept).toString();
  return `#/${page}${text && '?' + text}`;
}

export function go(page, query) {
  location.hash = link(page, query);
}
