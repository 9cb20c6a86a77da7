// The HTTP fallback in a cluster: the load balancers of deploy/compose keep a
// session on its node, and a session whose requests go elsewhere is given up at once.
import assert from 'node:assert/strict';
import test from 'node:test';
import { hostileProxy, only, transports } from '../fallback/http.mjs';
import { cluster } from '../support/cluster.mjs';
import { example } from '../support/example.mjs';
import { factor, Log, settled, subscribed, until } from '../support/wait.mjs';

const refuse = (socket) => socket.destroy();

/** Waits until a client has another connection than the one of that id. */
const anew = (client, id, within) => until('a new connection', () =>
  client.connection.state === 'connected' && client.connection.socket_id !== id, within);

/** The codes that a client's connections ended with. */
function codes(client) {
  const all = [];
  client.connection.bind('error', (e) => all.push(e.error?.data?.code ?? e.data?.code));
  return all;
}

for (const balancer of ['nginx', 'haproxy']) for (const transport of transports) {
  test(`${balancer} of the example, ${transport}: every request of a session reaches its node`, async (t) => {
    const { nodes, sdk } = await cluster(t, 2, { log: { level: 'debug' } });
    const front = await example(t, balancer, nodes);
    const rooms = [];
    const on = (node) => rooms.filter((room) => node.log.includes(`socket=${room.pusher.connection.socket_id} `)).length;
    do {
      const client = nodes[0].client({ ...only(front, transport), user: { id: `user-${rooms.length}` } });
      const states = new Log(client.connection);
      rooms.push(Object.assign(await subscribed(client, 'presence-room'), { states, id: client.connection.socket_id }));
      assert.equal(client.connection.connection.transport.name, transport);
      await until('its node has logged it', () => on(nodes[0]) + on(nodes[1]) === rooms.length);
      assert.ok(rooms.length < 40, 'all sessions are on one node');
    } while (nodes.some((node) => on(node) < 2));
    rooms.push(await subscribed(nodes[0].client({ wsPort: front.port, user: { id: 'socket' } }), 'presence-room'));

    for (const [n, room] of rooms.entries()) {
      room.trigger('client-said', { n });
      await sdk.trigger('presence-room', 'news', { n });
    }
    for (const [n, room] of rooms.entries()) {
      const others = rooms.map((_, i) => i).filter((i) => i !== n);
      await until('all client events', () => room.log.all('client-said').length >= others.length);
      await settled(sdk, room);
      assert.deepEqual(room.log.all('news').map((e) => e.n), rooms.map((_, i) => i));
      assert.deepEqual(room.log.all('client-said').map((e) => e.n).sort((a, b) => a - b), others);
      if (!room.states) continue;
      assert.equal(room.pusher.connection.socket_id, room.id);
      assert.equal(room.states.all('state_change').filter((s) => s.current === 'connected').length, 1);
    }
  });
}

for (const transport of transports) {
  test(`${transport}: a send that reaches another node has pusher-js connect anew at once`, async (t) => {
    const { nodes, sdk } = await cluster(t, 2);
    const front = await hostileProxy(t, nodes[0], refuse);
    const observer = await subscribed(nodes[1].client(), 'private-room');
    const client = nodes[0].client(only(front, transport));
    const ended = codes(client);
    const room = await subscribed(client, 'private-room');
    const before = client.connection.socket_id;
    room.trigger('client-said', { n: 1 });
    await observer.log.next('client-said');
    await sdk.trigger('private-room', 'news', { n: 1 });
    await room.log.next('news');
    if (transport === 'xhr_polling') await until('the next poll is held', () => /\/xhr\?/.test(front.passed.at(-1)));

    front.server = nodes[1]; // the load balancer has changed its mind; the receive stays where it is
    room.trigger('client-said', { n: 2 });
    await anew(client, before, 30_000 * factor); // a connection that says nothing is given up after 150 s
    await room.log.next('pusher:subscription_succeeded');
    assert.ok([4100, 4200].includes(ended[0]), `it was told ${ended[0]}`);
    room.trigger('client-said', { n: 3 });
    await observer.log.next('client-said', (e) => e.n === 3);
    await sdk.trigger('private-room', 'news', { n: 2 });
    await settled(sdk, room);
    assert.deepEqual(room.log.all('news'), [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(observer.log.all('client-said'), [{ n: 1 }, { n: 3 }]);
    assert.match(nodes[0].log, /requests of HTTP sessions reach the wrong node/);
    await until('the first node has let go of the session', async () =>
      (await (await sdk.get({ path: '/channels/private-room', params: { info: 'subscription_count' } })).json()).subscription_count === 2);
  });

  test(`${transport}: without anything that keeps a session together, pusher-js tries once a second and says why`, async (t) => {
    const { nodes } = await cluster(t, 2);
    const front = await hostileProxy(t, nodes[0], refuse);
    let turn = 0;
    front.route = () => nodes[turn++ % 2];
    const client = nodes[0].client(only(front, transport));
    const ended = codes(client);
    client.subscribe('news');
    let id;
    await anew(client, id);
    const begun = Date.now();
    for (let n = 0; n < 3; n++) {
      id = client.connection.socket_id;
      await anew(client, id);
    }
    assert.ok(Date.now() - begun > 2500, `connected three times in ${Date.now() - begun} ms`);
    assert.ok(ended.every((code) => [1006, 4100, 4200].includes(code)), `it was told ${ended}`); // 4200 where the machine took ten seconds for a session
  });
}

test('a poll that reaches another node has pusher-js connect anew, and nothing comes twice', async (t) => {
  const { nodes, sdk } = await cluster(t, 2);
  const front = await hostileProxy(t, nodes[0], refuse);
  const client = nodes[0].client(only(front, 'xhr_polling'));
  const ended = codes(client);
  const room = await subscribed(client, 'news');
  const before = client.connection.socket_id;
  front.server = nodes[1];
  await sdk.trigger('news', 'e', { n: 1 }); // ends the poll that is held, if it is
  await anew(client, before, 30_000 * factor);
  await room.log.next('pusher:subscription_succeeded');
  for (let n = 2; n < 6; n++) await sdk.trigger('news', 'e', { n });
  await settled(sdk, room);
  assert.deepEqual(room.log.all('e').filter((e) => e.n > 1).map((e) => e.n), [2, 3, 4, 5]);
  assert.ok(room.log.all('e').filter((e) => e.n === 1).length <= 1);
  assert.deepEqual(ended, [1006]); // pusher-js's own "Server lost session"
});
