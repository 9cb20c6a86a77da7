// A server with its console, and clients that have it show something on every page.
import { createHash, randomBytes } from 'node:crypto';
import { Endpoint } from '../support/endpoint.mjs';
import { fanfare, freePort, oneNode } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';

/** A server whose admin API and console are at `console`. */
export async function served(t, { tokens = [], ...rest } = {}) {
  oneNode(t, 'the console of one process is looked at');
  const port = await freePort();
  const server = await fanfare(t, { ...rest, admin: { listen: `127.0.0.1:${port}`, tokens } });
  server.console = `http://127.0.0.1:${port}/`;
  server.admin = async (method, path, body) => {
    const res = await fetch(`${server.console}api/v1/${path}`, {
      method, body: body && JSON.stringify(body), headers: body ? { 'Content-Type': 'application/json' } : {},
    });
    if (res.status !== 429) return res.json();
    await new Promise((resume) => setTimeout(resume, 1000)); // which its Retry-After is
    return server.admin(method, path, body);
  };
  return server;
}

/** A token for the configuration, and its text. */
export function token(name, role) {
  const text = randomBytes(32).toString('hex');
  return { text, entry: { name, role, hash: createHash('sha256').update(text).digest('hex') } };
}

/**
 * Two apps, each with an endpoint of webhooks, of which one refuses; three people on channels of every kind; events.
 * `say` makes the texts that users choose: a test puts markup into them.
 */
export async function scene(t, say = (text) => text) {
  const [good, bad] = await Promise.all([new Endpoint().open(t), new Endpoint().open(t)]);
  bad.status = 500;
  const server = await served(t, {
    app: { id: 'shop', history: [{ channels: 'orders', events: 10, ttl: '1h' }], webhooks: [{ url: good.url, events: ['channel_occupied', 'member_added'] }] },
    apps: [{ id: 'chat', key: 'chat-key', secret: 'chat-secret', webhooks: [{ url: bad.url }] }],
    webhooks: { grace: '0s' },
  });
  const people = await Promise.all(['ann', 'ben', 'cy'].map(async (name) => {
    const client = await server.connected({
      user: { id: say(name), info: { name: say(name) } },
      userAuthentication: { // an id to sign in with has letters and digits; one of a presence channel what it likes
        customHandler: ({ socketId }, done) => done(null, server.sdk.authenticateUser(socketId, { id: name, user_info: { name: say(name) } })),
      },
    });
    client.signin();
    for (const channel of ['presence-lobby', 'orders', 'private-orders', 'cache-prices', `private-of-${name}`]) await subscribed(client, channel);
    return client;
  }));
  await subscribed(await server.connected({ key: 'chat-key' }), 'talk');
  await server.sdk.trigger(['cache-prices', 'orders'], say('price'), { text: say('12.50') });
  await until('everybody is signed in', async () => (await server.admin('GET', 'apps/shop/users')).users?.length === 3);
  return { server, people, good };
}
