// A log line as one phrase.
export function sentence({ message, user, fields = {} }) {
  const { code, reason, status, method, path, by, transport, at } = fields;
  const more = [
    method && `${method} ${path}`, status && `status ${status}`, code && `code ${code}`, reason, by && `by the ${by}`,
    user && `user ${user}`, transport, typeof at === 'string' && at,
  ].filter(Boolean);
  const text = message + (more.length ? ': ' + more.join(', ') : '');
  return text.length > 200 ? text.slice(0, 200) + '…' : text;
}
