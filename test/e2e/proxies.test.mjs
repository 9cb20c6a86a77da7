// Proxies that pass clients on in other ways than with X-Forwarded-For: the PROXY
// protocol, as HAProxy speaks it, and a Unix socket behind nginx.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Fanfare, fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';

const apps = [{ id: 'app-id', key: 'app-key', secret: 'app-secret' }];

async function folderOf(t) {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-proxy-'));
  await chmod(folder, 0o755); // for workers of another user
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a program until the test ends. */
async function run(t, program, ...args) {
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  return child;
}

/** One client and one back end through a port: an event arrives. */
async function passesOn(server, port) {
  const through = new Fanfare(port, '', server.config, false);
  const client = through.client();
  server.clients.push(client);
  const channel = await subscribed(client, 'news');
  await through.sdk.trigger('news', 'e', { x: 1 });
  assert.deepEqual(await channel.log.next('e'), { x: 1 });
}

for (const [version, words] of [['1', 'check-send-proxy send-proxy'], ['2', 'check-send-proxy send-proxy-v2']]) {
  test(`HAProxy passes on bytes, with a PROXY header of version ${version}`, async (t) => {
    oneNode(t, 'the log of one server is read');
    const server = await fanfare(t, {
      log: { level: 'debug' }, http: { trusted_proxies: ['127.0.0.2'], proxy_protocol: 'required' },
    });
    const [port, folder] = [await freePort(), await folderOf(t)];
    await writeFile(join(folder, 'haproxy.cfg'), `
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen fanfare
  bind 127.0.0.1:${port}
  option httpchk GET /healthz
  server one 127.0.0.1:${server.port} source 127.0.0.2 check inter 100ms ${words}
`);
    await run(t, 'haproxy', '-db', '-f', join(folder, 'haproxy.cfg'));
    await until('HAProxy passes on', () => fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false));
    await passesOn(server, port);
    // HAProxy's own looks at /healthz go on, or it would pass nobody on.
    await until('the look of HAProxy is served', () => /path=\/healthz status=200 .*address=127\.0\.0\.2/.test(server.log));
    const lines = () => server.log.split('\n').filter((line) => /msg="(connection opened|api call)"/.test(line));
    await until('the socket and the call are in the log', () => lines().length === 2);
    for (const line of lines()) assert.match(line, /address=127\.0\.0\.1(?!.*proxy=)/);
  });
}

test('nginx passes clients on to a Unix socket', async (t) => {
  oneNode(t, 'its listener is a Unix socket');
  const [port, folder] = [await freePort(), await folderOf(t)];
  const path = join(folder, 'clients.sock');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder}/${of};`).join('\n');
  await writeFile(join(folder, 'nginx.conf'), `
events {}
http {
  ${temporary}
  access_log off;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream fanfare { server unix:${path}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://fanfare;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`);
  const file = join(folder, 'config.yaml');
  const config = {
    listen: `unix:${path}`, listen_mode: '0666', metrics: { listen: '' }, log: { level: 'debug' }, sockets: { connections_per_address: 1 },
    apps: [{ ...apps[0], require_tls: true }],
  };
  await writeFile(file, JSON.stringify(config));
  await run(t, 'nginx', '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', `daemon off; pid ${folder}/pid;`);
  const server = new Fanfare(port, file, config, false);
  t.after(async () => {
    for (const client of server.clients) client.disconnect();
    await server.stop('SIGKILL');
  });
  await server.start();
  await passesOn(server, port);
  await until('the socket is in the log', () => /msg="connection opened".*address=127\.0\.0\.1/.test(server.log));
  // The limit by address is that of the client whom nginx names.
  const second = server.client();
  await until('the second socket of the address is refused', () => server.log.includes('Too many connections from this address (127.0.0.1)'));
  second.disconnect();
});
