// Has a stock pusher-js get what it missed while it was away from a fanfare that
// keeps the history of channels. For script tags there is recovery.global.js, the
// same code.

/** @import { Gap, PusherLike, Recovery } from './recovery.d.ts' */

/**
 * Called once for each pusher-js, before or after it has connected.
 * @param {PusherLike} pusher
 * @param {{ onGap?: Gap }} [options]
 * @returns {Recovery}
 */
export function recover(pusher, { onGap } = {}) {
  const { connection, send_event } = pusher;
  // By channel object: the serial after which its next event comes, the id of the
  // socket that was told so, the serial of the last event, and where the history was
  // when the channel was subscribed. pusher-js makes a new object for a channel that
  // a page unsubscribes and subscribes again, so such a page starts anew.
  const places = new WeakMap();
  let watched, unwatch;

  // Sees each message before pusher-js does. true keeps it from pusher-js.
  const take = (text) => {
    if (!/"serial"|recovery_failed/.test(text)) return;
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // pusher-js tells the page
    }
    const { event, serial } = message;
    const channel = pusher.channel(message.channel);
    if (!channel) return;
    const place = places.get(channel);
    const socket = connection.socket_id;
    if (event === 'fanfare:recovery_failed') {
      places.set(channel, place && { ...place, serial: place.at, socket });
      if (onGap) onGap(message.channel, JSON.parse(message.data).reason);
      return true;
    }
    if (!serial) return;
    if (event === 'pusher_internal:subscription_succeeded') {
      // What was missed is still to come: it counts as missed until then.
      places.set(channel, { serial, socket, ...place, at: serial });
      return;
    }
    // Of a subscription that the page has ended, or what the page had before.
    if (!channel.subscribed || (place && place.last && !follows(serial, place.last))) return true;
    places.set(channel, { serial, socket, last: serial, at: serial });
  };

  const watch = () => {
    const link = connection.connection;
    if (!link || link === watched) return;
    watched = link;
    const { transport } = link;
    const { emit } = transport;
    transport.emit = function (name, message) {
      // What a connection brings that was given up reaches no channel.
      if (name === 'message' && connection.connection === link && take(message.data)) return this;
      return emit.apply(this, arguments);
    };
    unwatch = () => (transport.emit = emit);
  };

  pusher.send_event = (name, data, channel) => {
    const place = name === 'pusher:subscribe' && places.get(pusher.channel(data.channel));
    return send_event.call(pusher, name, place ? { ...data, recover: place.serial, recover_socket_id: place.socket } : data, channel);
  };
  connection.bind('connected', watch);
  watch();

  return {
    stop() {
      connection.unbind('connected', watch);
      pusher.send_event = send_event;
      if (unwatch) unwatch();
    },
  };
}

// A serial is an epoch and an offset in base 36. Those of two epochs cannot be
// compared: the history was lost in between.
function follows(serial, last) {
  const [epoch, offset] = serial.split('-');
  const [lastEpoch, lastOffset] = last.split('-');
  const longer = offset.length - lastOffset.length;
  return epoch !== lastEpoch || longer > 0 || (longer === 0 && offset > lastOffset);
}
