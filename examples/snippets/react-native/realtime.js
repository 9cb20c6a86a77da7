// npm install pusher-js @react-native-community/netinfo
import { Pusher } from 'pusher-js/react-native'; // a named export; the types declare a default export that does not exist

/** On a device, localhost is the device: host is the address of the machine with fanfare. */
export function connect({ key, host, port, tls, api, token }) {
  return new Pusher(key, {
    cluster: '', // required by pusher-js; ignored because wsHost is set
    wsHost: host, wsPort: port, wssPort: port, forceTLS: tls,
    enabledTransports: ['ws', 'wss'],
    channelAuthorization: {
      endpoint: `${api}/pusher/auth`, // an absolute URL: an app has no origin
      transport: 'ajax',
      headers: { Authorization: `Bearer ${token}` },
    },
  });
}

/**
 * Calls back for each order. Returns a function that unsubscribes, as useEffect expects.
 * @param {Pusher} pusher
 * @param {(order: { text: string }) => void} callback
 */
export function onOrder(pusher, callback) {
  pusher.subscribe('private-orders').bind('created', callback);
  return () => pusher.unsubscribe('private-orders');
}
