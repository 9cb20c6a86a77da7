// npm install pusher-js
import Pusher from 'pusher-js';

export function connect({ key, host, port, tls, api }) {
  return new Pusher(key, {
    cluster: '', // required by pusher-js; ignored because wsHost and httpHost are set
    wsHost: host, wsPort: port, wssPort: port,
    httpHost: host, httpPort: port, httpsPort: port, // used where WebSockets are blocked
    forceTLS: tls,
    enabledTransports: ['ws', 'wss', 'xhr_streaming', 'xhr_polling'],
    channelAuthorization: { endpoint: `${api}/pusher/auth`, transport: 'ajax' },
    userAuthentication: { endpoint: `${api}/pusher/user-auth`, transport: 'ajax' },
  });
}

/** Calls back for each order. Returns a function that unsubscribes. */
export function onOrder(pusher, callback) {
  pusher.subscribe('private-orders').bind('created', callback);
  return () => pusher.unsubscribe('private-orders');
}

/** Signs in, and calls back for each event that the back end sends to this user. */
export function onNotice(pusher, callback) {
  pusher.user.bind('notice', callback);
  pusher.signin();
}
