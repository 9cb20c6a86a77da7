// A network that breaks WebSockets: stock pusher-js with its default transports
// connects by itself.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { subscribed } from '../support/wait.mjs';
import { hostileProxy } from './http.mjs';

const ways = {
  'resets the upgrade': (socket) => socket.resetAndDestroy(),
  'answers the upgrade 400': (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  'swallows the upgrade': () => {},
};

for (const [way, kill] of Object.entries(ways)) {
  test(`behind a proxy that ${way}, pusher-js connects and chats`, async (t) => {
    const server = await fanfare(t);
    const proxy = await hostileProxy(t, server, kill);
    const behind = (id) => server.client({
      user: { id }, wsPort: proxy.port, wssPort: proxy.port, httpHost: '127.0.0.1', httpPort: proxy.port, httpsPort: proxy.port,
      enabledTransports: undefined,
    });
    const free = await subscribed(server.client({ user: { id: 'free' } }), 'presence-room');
    const rooms = await Promise.all([behind('ann'), behind('bob')].map((client) => subscribed(client, 'presence-room')));
    assert.ok(proxy.attempts > 0, 'nobody tried a WebSocket');
    for (const room of rooms) assert.match(room.pusher.connection.connection.transport.name, /^xhr_/);

    const everyone = [free, ...rooms];
    for (const from of everyone) {
      const said = { from: from.members.me.id, text: 'hello, Grüße' };
      from.trigger('client-said', said);
      for (const to of everyone.filter((r) => r !== from)) assert.deepEqual(await to.log.next('client-said'), said);
    }
    await server.sdk.trigger('presence-room', 'news', { n: 1 });
    for (const to of everyone) assert.deepEqual(await to.log.next('news'), { n: 1 });
  });
}
