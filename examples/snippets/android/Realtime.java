// Gradle: implementation("com.pusher:pusher-java-client:2.4.4"). The manifest needs the permission INTERNET.
import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.PrivateChannelEventListener;
import com.pusher.client.channel.PusherEvent;
import com.pusher.client.util.HttpChannelAuthorizer;
import java.util.Map;
import java.util.function.Consumer;

public final class Realtime {
    private final Pusher pusher;

    /** In the emulator the host of your machine is 10.0.2.2; without TLS the manifest needs usesCleartextTraffic. */
    public Realtime(String key, String host, int port, boolean tls, String api, String token) {
        var authorizer = new HttpChannelAuthorizer(api + "/pusher/auth");
        authorizer.setHeaders(Map.of("Authorization", "Bearer " + token));
        pusher = new Pusher(key, new PusherOptions()
            .setHost(host).setWsPort(port).setWssPort(port).setUseTLS(tls)
            .setChannelAuthorizer(authorizer));
        pusher.connect();
    }

    /** Calls back for each order, on a thread of the SDK: use runOnUiThread to change views. */
    public void onOrder(Consumer<String> orders) {
        pusher.subscribePrivate("private-orders", new PrivateChannelEventListener() {
            @Override
            public void onEvent(PusherEvent event) {
                orders.accept(event.getData());
            }

            @Override
            public void onSubscriptionSucceeded(String channel) {}

            @Override
            public void onAuthenticationFailure(String message, Exception e) {
                throw new IllegalStateException(message, e);
            }
        }, "created");
    }

    public void disconnect() {
        pusher.disconnect();
    }
}
