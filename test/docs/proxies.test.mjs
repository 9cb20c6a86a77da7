// Serves through an nginx that is configured as docs/deployment-proxies.md says.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { isHealthy, openSocket } from '../support/proxied.mjs';
import { until } from '../support/wait.mjs';
import { codeBlocks } from './blocks.mjs';

const page = fileURLToPath(new URL('../../docs/deployment-proxies.md', import.meta.url));

test('nginx passes requests and upgrades on with the configuration of docs/deployment-proxies.md', async (t) => {
  oneNode(t, 'the proxy has one upstream');
  const blocks = codeBlocks(await readFile(page, 'utf8'));
  const [{ text }, ...others] = blocks.filter(({ info }) => info === 'nginx');
  assert.equal(others.length, 0);
  const server = await fanfare(t, { app: { require_tls: true }, http: { trusted_proxies: ['127.0.0.1'] } });
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-nginx-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = (name) => join(folder, name);
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=ws.example.com', '-keyout', file('key'), '-out', file('pem')]);
  const port = await freePort();
  const site = text.replace('127.0.0.1:6001', `127.0.0.1:${server.port}`).replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('/etc/ssl/ws.example.com.pem', file('pem')).replace('/etc/ssl/ws.example.com.key', file('key'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${file(kind)};`).join(' ');
  await writeFile(file('nginx.conf'), `pid ${file('pid')}; events {} http { access_log off; ${temporary}\n${site}}\n`);
  const nginx = spawn('nginx', ['-e', file('log'), '-c', file('nginx.conf'), '-g', 'daemon off;'], { stdio: 'inherit' });
  const exited = once(nginx, 'exit');
  t.after(() => {
    nginx.kill();
    return exited;
  });

  await until('nginx answers', () => isHealthy(port));
  const { status, frame } = await openSocket(port);
  assert.equal(status, 101);
  assert.match(frame, /pusher:connection_established/); // and no error 4000: nginx says that the client came over TLS
});
