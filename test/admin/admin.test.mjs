// The admin API under requests that its OpenAPI document leads to, valid and not,
// while clients come and go: no answer is a 5xx, none is other than the document says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const token = 'a token of the test';
const hash = createHash('sha256').update(token).digest('hex');

// What is left out, and why: the stream does not end, profiles take long and say
// what Go's own package does. Whether a valid request is accepted depends on the
// limits of the app, which no schema has.
const without = ['--exclude-path', '/api/v1/events', '--exclude-path', '/debug/pprof/', '--exclude-checks', 'positive_data_acceptance'];

async function schemathesis(t, admin, ...args) {
  const cwd = await mkdtemp(join(tmpdir(), 'fanfare-admin-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  const child = spawn(join(here, '.venv/bin/st'), [
    ...args, 'run', `${admin}/api/v1/openapi.json`, '--url', admin, '-H', `Authorization: Bearer ${token}`,
    ...without, '--max-examples', '20', '--rate-limit', 'auto', '--seed', '1', '--warnings', 'off',
  ], { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (out += d));
  const [code] = await once(child, 'exit');
  assert.equal(code, 0, out);
  const [, cases] = out.match(/Test cases:\s+(\d+) generated/) ?? assert.fail(out);
  assert.ok(Number(cases) > 100, out);
}

test('the admin API answers whatever it is asked as its document says', async (t) => {
  oneNode(t, 'the admin API is that of one process');
  const port = await freePort();
  const admin = `http://127.0.0.1:${port}`;
  const server = await fanfare(t, {
    admin: { listen: `127.0.0.1:${port}`, tokens: [{ name: 'test', hash, role: 'admin' }] },
    app: { webhooks: [{ url: `http://127.0.0.1:${await freePort()}/nobody` }] },
  });

  let going = true;
  const ask = (path, options = {}) => fetch(admin + path, { ...options, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' } });
  const traffic = (async () => {
    for (let n = 0; going; n++) {
      const client = server.client({ user: { id: `user-${n % 3}`, info: { name: '<b>' } } });
      // The requests close sockets too, some with a code after which a client does not come back.
      const is = (...states) => states.includes(client.connection.state);
      await until('it is connected, or closed', () => !going || is('connected', 'disconnected', 'failed'));
      client.signin();
      for (const name of ['presence-room', 'cache-news', `private-${n}`]) client.subscribe(name);
      await until('it is subscribed, or closed', () => !going || !is('connected') || client.allChannels().every((c) => c.subscribed));
      client.channel('presence-room').trigger('client-hello', { n });
      await server.sdk.trigger('cache-news', 'news', { n });
      client.disconnect();
    }
  })();
  try {
    await until('somebody is there', async () => (await (await ask('/api/v1/overview')).json()).connections > 0);
    await schemathesis(t, admin, '--config-file', join(here, 'schemathesis.toml')); // about the app that is there
    await schemathesis(t, admin);
  } finally {
    going = false;
    await traffic;
  }
  assert.ok(!server.log.includes('admin request failed'), server.log);
  assert.ok(!server.log.includes(token), 'a token is in the log');
  assert.equal((await fetch(`${admin}/api/v1/overview`)).status, 401);
});
