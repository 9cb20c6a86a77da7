// Swift Package Manager: https://github.com/pusher/pusher-websocket-swift
import Foundation
import PusherSwift

/// The connection lives as long as this object. On a device, localhost is the device.
final class Realtime {
    private let pusher: Pusher

    init(key: String, host: String, port: Int, tls: Bool, api: String, onOrder: @escaping (String) -> Void) {
        pusher = Pusher(key: key, options: PusherClientOptions(
            authMethod: .endpoint(authEndpoint: "\(api)/pusher/auth"),
            host: .host(host),
            port: port,
            useTLS: tls
        ))
        pusher.subscribe("private-orders").bind(eventName: "created", eventCallback: { event in
            if let data = event.data { onOrder(data) }
        })
        pusher.connect()
    }
}
