// Code that sends the same event as the event creator.
import { hasToken, path } from '../api.js';

const inShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const inPHP = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const inJS = JSON.stringify;

export function curl(app, event) {
  const url = new URL('api/v1/' + path`apps/${app}/events`, document.baseURI);
  return [
    `curl ${inShell(url.href)}`,
    ...(hasToken() ? ['-H "Authorization: Bearer $FANFARE_ADMIN_TOKEN"'] : []),
    "-H 'Content-Type: application/json'",
    `-d ${inShell(JSON.stringify(event))}`,
  ].join(' \\\n  ');
}

export function node(app, key, event, format) {
  const data = format === 'json' ? event.data : inJS(event.data);
  const call = event.user !== undefined
    ? `sendToUser(${inJS(event.user)}, ${inJS(event.name)}, ${data})`
    : `trigger(${inJS(event.channels)}, ${inJS(event.name)}, ${data})`;
  return `const Pusher = require("pusher");

const pusher = new Pusher({
  appId: ${inJS(app)},
  key: ${inJS(key)},
  secret: process.env.PUSHER_APP_SECRET,
  host: process.env.PUSHER_HOST,
  port: process.env.PUSHER_PORT,
  useTLS: false,
});
await pusher.${call};`;
}

export function php(app, key, event) {
  const call = event.user !== undefined
    ? `sendToUser(${inPHP(event.user)}, ${inPHP(event.name)}, ${inPHP(event.data)}, true)`
    : `trigger([${event.channels.map(inPHP).join(', ')}], ${inPHP(event.name)}, ${inPHP(event.data)}, [], true)`;
  return `$pusher = new Pusher\\Pusher(${inPHP(key)}, getenv('PUSHER_APP_SECRET'), ${inPHP(app)}, [
  'host' => getenv('PUSHER_HOST'),
  'port' => getenv('PUSHER_PORT'),
  'scheme' => 'http',
  'useTLS' => false,
]);
$pusher->${call};`;
}
