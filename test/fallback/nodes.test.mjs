// Several nodes behind a load balancer that does not keep a client on one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';
import { hostileProxy, transports } from './http.mjs';

const kill = (socket) => socket.destroy();

for (const transport of transports) {
  test(`${transport}: fallback.node_host takes a session past the load balancer`, async (t) => {
    const node = await fanfare(t, { fallback: { node_host: '127.0.0.1' } });
    // On the same port: a hint names a host alone.
    const balancer = await hostileProxy(t, node, kill, { host: '127.0.0.3', port: node.port });
    const client = node.client({ httpHost: '127.0.0.3', httpPort: node.port, httpsPort: node.port, enabledTransports: [transport] });
    const channel = await subscribed(client, 'private-a');
    for (let n = 0; n < 3; n++) {
      await node.sdk.trigger('private-a', 'e', { n });
      assert.deepEqual(await channel.log.next('e'), { n });
    }
    assert.equal(client.connection.connection.transport.name, transport);
    assert.equal(balancer.passed.length, 1, `more than the first request took the way through the load balancer:\n${balancer.passed.join('\n')}`);
  });
}

test('a poll that reaches another node has pusher-js connect anew, there', async (t) => {
  const [one, two] = [await fanfare(t), await fanfare(t)];
  const balancer = await hostileProxy(t, one, kill);
  const client = one.client({ httpHost: '127.0.0.1', httpPort: balancer.port, httpsPort: balancer.port, enabledTransports: ['xhr_polling'] });
  const channel = await subscribed(client, 'news');
  const before = client.connection.socket_id;
  balancer.server = two;
  await one.sdk.trigger('news', 'e', { n: 1 }); // ends the poll that is held, if it is
  await until('a new connection', () => client.connection.state === 'connected' && client.connection.socket_id !== before);
  await channel.log.next('pusher:subscription_succeeded');
  await two.sdk.trigger('news', 'e', { n: 2 });
  assert.deepEqual(await channel.log.next('e', (e) => e.n > 1), { n: 2 });
  await until('the first node has let go of it', async () =>
    (await (await one.sdk.get({ path: '/channels/news' })).json()).occupied === false);
});
