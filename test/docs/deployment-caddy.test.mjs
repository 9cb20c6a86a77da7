// Serves through a Caddy that is configured as docs/deployment-proxies.md says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { isHealthy, openSocket } from '../support/proxied.mjs';
import { until } from '../support/wait.mjs';
import { blocksOf, folder, run } from './shell.mjs';

const caddy = fileURLToPath(new URL('.build/caddy', import.meta.url));

test('docs/deployment-proxies.md: Caddy passes requests and upgrades on', async (t) => {
  oneNode(t, 'the proxy has one upstream');
  const [, text] = await blocksOf('docs/deployment-proxies.md', ['nginx', 'caddyfile']);
  const cwd = await folder(t);
  const env = { HOME: cwd, XDG_DATA_HOME: cwd, XDG_CONFIG_HOME: cwd };
  // As it stands there: Caddy obtains the certificate.
  await writeFile(join(cwd, 'Caddyfile'), text);
  const { out } = await run(t, `"${caddy}" validate --config Caddyfile --adapter caddyfile && "${caddy}" adapt --config Caddyfile --adapter caddyfile`, { cwd, env });
  assert.match(out, /"ws\.example\.com"/);

  // With another upstream, port and authority: Caddy's own, and nothing is asked of others.
  const server = await fanfare(t, { app: { require_tls: true }, http: { trusted_proxies: ['127.0.0.1'] } });
  const port = await freePort();
  assert.ok(text.includes('127.0.0.1:6001') && text.startsWith('ws.example.com {\n'));
  const site = text.replace('127.0.0.1:6001', `127.0.0.1:${server.port}`).replace('ws.example.com {\n', `ws.example.com:${port} {\n\tbind 127.0.0.1\n\ttls internal\n`);
  await writeFile(join(cwd, 'Caddyfile'), `{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n${site}`);
  const child = spawn(caddy, ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (d) => (log += d));
  const exited = once(child, 'exit');
  t.after(() => {
    child.kill('SIGKILL');
    return exited;
  });

  await until('Caddy answers', () => {
    assert.equal(child.exitCode, null, log);
    return isHealthy(port);
  });
  const { status, frame } = await openSocket(port);
  assert.equal(status, 101);
  assert.match(frame, /pusher:connection_established/); // and no error 4000: Caddy says that the client came over TLS
});
