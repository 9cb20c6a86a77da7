// Requests over TLS through a proxy with a certificate for ws.example.com that no
// authority signed.
import { request } from 'node:https';

const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };

/** Requests a path at a port of this machine. Returns the status, and for an upgrade the first event as it arrived. */
function call(port, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const r = request({ host: '127.0.0.1', port, path, headers: { Host: 'ws.example.com', ...headers }, rejectUnauthorized: false, servername: 'ws.example.com' });
    r.on('response', (response) => {
      response.destroy();
      resolve({ status: response.statusCode });
    });
    r.on('upgrade', (response, socket, head) => {
      let frame = head.toString('latin1');
      const look = () => {
        if (!frame.includes('"event"')) return;
        socket.destroy();
        resolve({ status: response.statusCode, frame });
      };
      socket.on('error', reject).on('data', (d) => {
        frame += d.toString('latin1');
        look();
      });
      look();
    });
    r.on('error', reject).end();
  });
}

/** Whether the server behind the proxy says that it is alive. */
export const isHealthy = (port) => call(port, '/healthz').then(({ status }) => status === 200, () => false);

/** Opens a WebSocket. Returns the status of the upgrade and the first event as it arrived. */
export const openSocket = (port) => call(port, '/app/app-key?protocol=7&client=js&version=8.4.0', upgrade);
