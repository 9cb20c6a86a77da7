// What serve prints on a terminal at its start, run as printed.
import assert from 'node:assert/strict';
import { exec } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { promisify } from 'node:util';
import Pusher from 'pusher-js';
import { fanfare } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const require = createRequire(import.meta.url);

// greeting takes the lines apart by the words before them.
function greeting(log) {
  const after = (words) => {
    const [, rest] = log.replaceAll('\r\n', '\n').split(words);
    assert.ok(rest, `no ${words} in\n${log}`);
    return rest.trim();
  };
  return {
    page: after('with pusher-js 8:').split('\n\n')[0],
    shell: after('from a shell:').split('\n')[0],
    node: after('with the pusher package:').split('\n')[0],
  };
}

// greeted starts a server on a terminal and waits until it has said all.
async function greeted(t, config) {
  const server = await fanfare(t, { ...config, terminal: true });
  await until('the greeting is printed', () => server.log.includes('A chat to try'));
  return server;
}

// follow runs the page's lines, changed by edit, and waits until it listens.
async function follow(server, edit = (lines) => lines) {
  const heard = [];
  const page = new Function('Pusher', 'console', `${edit(greeting(server.log).page)}; return pusher`);
  const pusher = page(Pusher, { log: (data) => heard.push(data) });
  server.clients.push(pusher);
  await until('the page has subscribed', () => pusher.channel('my-channel').subscribed);
  return { heard, pusher };
}

for (const [name, config] of Object.entries({ 'by default': {}, 'below a path': { path_prefix: '/rt' }, 'without the HTTP fallback': { fallback: { enabled: false } } })) {
  test(`the lines that serve prints work as they stand, ${name}`, async (t) => {
    const server = await greeted(t, config);
    const { heard } = await follow(server);
    const { shell, node } = greeting(server.log);
    await promisify(exec)(shell);
    await until('the shell line has arrived', () => heard.length === 1);
    if (!config.path_prefix) { // the package has no option for a path
      await new Function('require', `return ${node}`)(require);
      await until('the Node line has arrived', () => heard.length === 2);
    }
    for (const data of heard) assert.deepEqual(data, { message: 'hello' });
  });
}

for (const path_prefix of ['', '/rt']) {
  test(`the page that serve prints finds the HTTP fallback, path ${path_prefix || '/'}`, async (t) => {
    const server = await greeted(t, { path_prefix });
    const { heard } = await follow(server, (lines) => lines.replace(' });\n', ', enabledTransports: ["xhr_streaming"] });\n'));
    await promisify(exec)(greeting(server.log).shell);
    await until('the event has arrived', () => heard.length === 1);
  });
}
