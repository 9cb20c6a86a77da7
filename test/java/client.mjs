// One pusher-java-client within a driver, and the back end that signs for it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Driver } from '../support/driver.mjs';
import { until } from '../support/wait.mjs';

const build = (name) => fileURLToPath(new URL(`.build/${name}`, import.meta.url));

/** A certificate for 127.0.0.1, which every JVM here trusts. */
export const certificate = { cert_file: build('tls/cert.pem'), key_file: build('tls/key.pem') };

/** A JVM with one SDK and the class that drives it. */
export function java(sdk, main) {
  const folder = build(sdk);
  const trust = [`-Djavax.net.ssl.trustStore=${build('tls/trust.p12')}`, '-Djavax.net.ssl.trustStorePassword=fanfare'];
  return new Driver('java', ['-XX:TieredStopAtLevel=1', '-Xmx256m', ...trust, '-cp', `${folder}/classes:${folder}/jars/*`, main]); // starts fast
}

/**
 * Signs channels and users for whoever asks. The query of its URL says how:
 * user and info name the one who asks, wrong makes a bad signature, refuse a 403.
 */
export async function signer(t, sdk) {
  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://signer');
    let body = '';
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const query = url.searchParams;
    if (query.has('refuse')) return res.writeHead(403).end('not you');
    const [socket, channel, id] = [form.get('socket_id'), form.get('channel_name'), query.get('user')];
    const user_info = query.has('info') ? JSON.parse(query.get('info')) : undefined;
    const answer = url.pathname === '/user' ? sdk.authenticateUser(socket, { id, user_info })
      : sdk.authorizeChannel(socket, channel, channel.startsWith('presence-') ? { user_id: id, user_info } : undefined);
    if (query.has('wrong')) answer.auth = answer.auth.replace(/:.*/, `:${'0'.repeat(64)}`);
    res.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

let clients = 0;

export class JavaClient {
  taken = new Set();

  /** Connects; options are key, port, query (of the signer), activityTimeout, pongTimeout. */
  static async connect(t, driver, server, options = {}) {
    const client = new JavaClient(driver, `client-${++clients}`);
    await client.run('connect', { key: 'app-key', port: server.port, signer: await signer(t, server.sdk), query: '', ...options });
    t.after(() => client.run('disconnect'));
    return client;
  }

  static async connected(t, driver, server, options) {
    const client = await JavaClient.connect(t, driver, server, options);
    await client.state('CONNECTED');
    return client;
  }

  constructor(driver, name) {
    Object.assign(this, { driver, name });
  }

  run(command, params) {
    return this.driver.run(command, { client: this.name, ...params });
  }

  get calls() {
    return this.driver.calls.filter((c) => c.client === this.name);
  }

  /** Whatever came to a place by a method: the arguments of each call. */
  all(place, method) {
    return this.calls.filter((c) => c.place === place && c.method === method).map((c) => c.args);
  }

  /** The arguments of the next call that was not taken yet. */
  async next(place, method, matches = () => true) {
    const find = () => this.calls.find((c) => !this.taken.has(c) && c.place === place && c.method === method && matches(c.args));
    const call = await until(`${method} of ${place}`, find).catch((err) => {
      err.message += `\ncalled back:\n  ${this.calls.map((c) => JSON.stringify(c)).join('\n  ')}\nuncaught: ${this.driver.uncaught.join('\n')}`;
      throw err;
    });
    this.taken.add(call);
    return call.args;
  }

  /** Waits for the connection's next change to that state. */
  state(name) {
    return this.next('connection', 'onConnectionStateChange', ([s]) => s === name);
  }

  /** The data of the next such event: always a string, or null where the SDK has none. */
  async event(place, name) {
    return (await this.next(place, 'onEvent', ([event]) => event === name))[1];
  }

  async subscribed(channel, ...events) {
    await this.run('subscribe', { channel, events });
    await this.next(channel, 'onSubscriptionSucceeded');
    return this;
  }
}
