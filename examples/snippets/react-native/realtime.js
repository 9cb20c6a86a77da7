// npm install pusher-js @react-native-community/netinfo
import { Pusher } from 'pusher-js/react-native'; // by its name; its types know a default export, which is not there

/** On a device, localhost is the device: host is the address of the machine with fanfare. */
export function connect({ key, host, port, tls, api, token }) {
  return new Pusher(key, {
    cluster: '', // required by pusher-js; ignored because wsHost is set
    wsHost: host, wsPort: port, wssPort: port, forceTLS: tls,
    enabledTransports: ['ws', 'wss'],
    channelAuthorization: {
      endpoint: `${api}/pusher/auth`, // a whole address: an app has no origin
      transport: 'ajax',
      headers: { Authorization: `Bearer ${token}` },
    },
  });
}

/**
 * Calls back for each order; returns what ends it. For useEffect.
 * @param {Pusher} pusher
 * @param {(order: { text: string }) => void} callback
 */
export function onOrder(pusher, callback) {
  pusher.subscribe('private-orders').bind('created', callback);
  return () => pusher.unsubscribe('private-orders');
}
