// pebble, the ACME server for tests, with a DNS server by which every name is this machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/fanfare.mjs';
import { until } from '../support/wait.mjs';

const program = (name) => fileURLToPath(new URL(`.build/${name}`, import.meta.url));

/** An external account that pebble knows. */
export const external = { eab_key_id: 'kid-1', eab_key: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' };

export class Pebble {
  /** Its certificates are valid for `validity` seconds. It validates at port `at`. */
  static async of(t, authority, { at, validity = 7776000, port, externalOnly = false }) {
    const pebble = new Pebble();
    Object.assign(pebble, { port: port ?? await freePort(), management: await freePort(), agent: new Agent({ ca: authority.pem }) });
    t.after(() => pebble.agent.destroy());
    const [dns, dnsManagement] = [await freePort(), await freePort()];
    await authority.issue('pebble');
    const file = authority.file('pebble.json');
    await writeFile(file, JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${pebble.port}`, managementListenAddress: `127.0.0.1:${pebble.management}`,
        certificate: authority.file('cert.pem'), privateKey: authority.file('key.pem'),
        httpPort: at, tlsPort: at, retryAfter: { authz: 1, order: 1 }, keyAlgorithm: 'ecdsa',
        externalAccountBindingRequired: externalOnly, externalAccountMACKeys: { [external.eab_key_id]: external.eab_key },
        profiles: { default: { description: 'of a test', validityPeriod: validity } },
      },
    }));
    pebble.log = '';
    const start = (name, args) => {
      const child = spawn(program(name), args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0' } });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (pebble.log += d));
      t.after(async () => {
        if (child.exitCode === null && child.kill()) await once(child, 'exit');
      });
    };
    start('pebble-challtestsrv', [
      '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dnsserver', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`,
      '-doh', '', '-http01', '', '-https01', '', '-tlsalpn01', '',
    ]);
    start('pebble', ['-config', file, '-strict', '-dnsserver', `127.0.0.1:${dns}`]);
    await until('pebble answers', () => pebble.get(pebble.port, '/dir').then(() => true, () => false));
    pebble.root = await pebble.get(pebble.management, '/roots/0');
    return pebble;
  }

  async get(port, path) {
    const [response] = await once(get({ host: '127.0.0.1', port, path, agent: this.agent }), 'response');
    return (await response.toArray()).join('');
  }
}
