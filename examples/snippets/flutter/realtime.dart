// flutter pub add dart_pusher_channels. Pusher's own plugin, pusher_channels_flutter, has no option for the host.
import 'package:dart_pusher_channels/dart_pusher_channels.dart';

/// On a device, localhost is the device: [host] is the address of the machine with fanfare.
Future<PusherChannelsClient> connect({
  required String key,
  required String host,
  required int port,
  required bool tls,
  required Uri authEndpoint,
  required String token,
  required void Function(dynamic data) onOrder,
}) async {
  final client = PusherChannelsClient.websocket(
    options: PusherChannelsOptions.fromHost(scheme: tls ? 'wss' : 'ws', host: host, port: port, key: key),
    connectionErrorHandler: (error, trace, refresh) => refresh(),
  );
  final orders = client.privateChannel(
    'private-orders',
    authorizationDelegate: EndpointAuthorizableChannelTokenAuthorizationDelegate.forPrivateChannel(
      authorizationEndpoint: authEndpoint,
      headers: {'Authorization': 'Bearer $token'},
    ),
  );
  orders.bind('created').listen((event) => onOrder(event.data));
  client.onConnectionEstablished.listen((_) => orders.subscribeIfNotUnsubscribed()); // now and after each reconnection
  await client.connect();
  return client;
}
