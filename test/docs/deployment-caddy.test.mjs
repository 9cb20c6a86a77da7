// Serves through a Caddy that is configured as docs/deployment-proxies.md says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
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

  const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const call = (path, headers = {}) => new Promise((resolve, reject) => {
    const r = request({ host: '127.0.0.1', port, path, headers: { Host: 'ws.example.com', ...headers }, rejectUnauthorized: false, servername: 'ws.example.com' });
    r.on('response', (response) => {
      response.destroy();
      resolve({ status: response.statusCode });
    });
    r.on('upgrade', (response, socket, head) => {
      let frame = head.toString('latin1');
      const look = () => {
        if (!frame.includes('"event"')) return;
        socket.destroy();
        resolve({ status: response.statusCode, frame });
      };
      socket.on('error', reject).on('data', (d) => {
        frame += d.toString('latin1');
        look();
      });
      look();
    });
    r.on('error', reject).end();
  });
  await until('Caddy answers', () => {
    assert.equal(child.exitCode, null, log);
    return call('/healthz').then(({ status }) => status === 200, () => false);
  });
  const { status, frame } = await call('/app/app-key?protocol=7&client=js&version=8.4.0', upgrade);
  assert.equal(status, 101);
  assert.match(frame, /pusher:connection_established/); // and no error 4000: Caddy says that the client came over TLS
});
