// The servers that run.mjs measures, and how each is started: on its own port of
// the loopback interface, with or without TLS.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const binary = process.env.FANFARE ?? join(here, '../../bin/fanfare');

// defineServers returns the servers by name. It writes their files to a folder.
// Only fanfare sends subscription counts to subscribers, so they are turned off to
// give all servers the same load. Rate limits are turned off.
export function defineServers(folder) {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  let certified = false;
  const certify = () => {
    if (certified) return;
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    certified = true;
  };
  const write = (name, content) => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  const quiet = { stdio: 'ignore' };

  const servers = {
    fanfare: {
      title: 'fanfare', port: 6401, protocol: 'pusher',
      start: (tls) => spawn(binary, ['serve', '--config', write('fanfare.yaml', {
        listen: '127.0.0.1:6401', metrics: { listen: '' }, log: { level: 'error' }, fallback: { opens_per_address: 0 },
        ...(tls && { tls: { cert_file: cert, key_file: key } }),
        apps: [{ id: 'app-id', key: 'app-key', secret: 'app-secret', subscription_count: false, limits: { client_events_per_second: 0, max_presence_members: 0 } }],
      })], quiet),
    },
    soketi: {
      title: 'soketi 1.6.1', port: 6402, protocol: 'pusher',
      start: (tls) => spawn(process.execPath, [join(here, 'node_modules/@soketi/soketi/bin/server.js'), 'start'], {
        ...quiet,
        env: { ...process.env, SOKETI_HOST: '127.0.0.1', SOKETI_PORT: '6402', SOKETI_METRICS_ENABLED: '0', SOKETI_PRESENCE_MAX_MEMBERS: '100000',
          SOKETI_DEFAULT_APP_ID: 'app-id', SOKETI_DEFAULT_APP_KEY: 'app-key', SOKETI_DEFAULT_APP_SECRET: 'app-secret',
          SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: '1', ...(tls && { SOKETI_SSL_CERT: cert, SOKETI_SSL_KEY: key }) },
      }),
    },
    centrifugo: {
      title: 'Centrifugo 6.9.1', port: 6403, protocol: 'centrifugo',
      start: (tls) => spawn(process.env.CENTRIFUGO ?? join(here, '../../bin/centrifugo'), ['-c', write('centrifugo.json', {
        http_server: { address: '127.0.0.1', port: '6403',
          ...(tls && { tls: { enabled: true, cert_pem: readFileSync(cert, 'utf8'), key_pem: readFileSync(key, 'utf8') } }) },
        http_api: { key: 'app-secret' },
        log: { level: 'error' },
        // In this protocol the server pings: as often as Pusher clients do.
        client: { allow_anonymous_connect_without_token: true, token: { hmac_secret_key: 'app-secret' }, ping_interval: '30s', pong_timeout: '10s' },
        channel: {
          without_namespace: { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
          namespaces: [{ name: 'presence', presence: true, join_leave: true, force_push_join_leave: true, allow_subscribe_for_client: true, allow_presence_for_subscriber: true }],
        },
      })], quiet),
    },
  };
  // Another server of Pusher's protocol, which OTHER starts: a command for sh that
  // becomes the server, on port OTHER_PORT, with the app app-id, app-key, app-secret.
  if (process.env.OTHER) {
    servers.other = {
      title: process.env.OTHER_TITLE ?? 'another', port: Number(process.env.OTHER_PORT ?? 6404), protocol: 'pusher',
      start: (tls) => {
        if (tls) throw new Error('it is measured without TLS');
        return spawn('sh', ['-c', `exec ${process.env.OTHER}`], quiet);
      },
    };
  }

  // run starts a server, calls use with the arguments of bench for it, and ends it.
  async function run(name, tls, use) {
    const server = servers[name];
    if (tls) certify();
    const child = server.start(tls);
    const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(`it ended with ${code ?? signal}`)).once('error', (err) => resolve(err.message)));
    try {
      await Promise.race([reached(server.port, tls), ended.then((why) => { throw new Error(`the server did not start: ${why}`); })]);
      return await use(['--host', `127.0.0.1:${server.port}`, '--pid', String(child.pid), '--protocol', server.protocol, ...(tls ? ['--ca', cert] : [])]);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  }
  return { servers, run };
}

async function reached(port, tls) {
  for (const end = Date.now() + 20_000; ;) {
    const answered = await new Promise((resolve) => {
      const request = tls ? secureRequest : plainRequest;
      request({ host: '127.0.0.1', port, path: '/', rejectUnauthorized: false, agent: false }, (res) => { res.resume(); resolve(true); })
        .once('error', () => resolve(false)).end();
    });
    if (answered) return;
    if (Date.now() > end) throw new Error('the server did not start');
    await new Promise((resume) => setTimeout(resume, 50));
  }
}
