// npm install pusher
import { createServer } from 'node:http';
import Pusher from 'pusher';

const fanfare = new Pusher({
  appId: process.env.PUSHER_APP_ID,
  key: process.env.PUSHER_APP_KEY,
  secret: process.env.PUSHER_APP_SECRET,
  host: process.env.PUSHER_HOST ?? 'localhost',
  port: process.env.PUSHER_PORT ?? '6001',
  useTLS: process.env.PUSHER_SCHEME === 'https',
});

const currentUser = (request) => ({ id: '1', name: 'Ann' }); // replace with your log-in; null if nobody is logged in

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return request.headers['content-type']?.includes('json') ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
}

const routes = {
  '/pusher/auth'({ socket_id, channel_name }, user) {
    if (channel_name === 'private-orders') return fanfare.authorizeChannel(socket_id, channel_name);
    if (channel_name === 'presence-room') return fanfare.authorizeChannel(socket_id, channel_name, { user_id: user.id, user_info: { name: user.name } });
    return null;
  },
  '/pusher/user-auth'({ socket_id }, user) {
    return fanfare.authenticateUser(socket_id, { id: user.id });
  },
  async '/orders'({ text }, user) {
    await fanfare.trigger('private-orders', 'created', { text });
    await fanfare.sendToUser(user.id, 'notice', { text: 'Your order has arrived.' });
    return { ok: true };
  },
};

createServer(async (request, response) => {
  try {
    const user = currentUser(request);
    const answer = request.method === 'POST' && user && (await routes[request.url]?.(await bodyOf(request), user));
    if (!answer) return response.writeHead(403).end('You may not do this.');
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}).listen(Number(process.env.PORT ?? 8000), 'localhost');
