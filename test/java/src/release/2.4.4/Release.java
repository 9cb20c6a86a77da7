import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.Channel;
import com.pusher.client.channel.PrivateEncryptedChannelEventListener;
import com.pusher.client.channel.PusherEvent;
import com.pusher.client.channel.SubscriptionEventListener;
import com.pusher.client.util.HttpChannelAuthorizer;
import com.pusher.client.util.HttpUserAuthenticator;
import java.util.Arrays;
import java.util.List;

/** What 2.4 has: encrypted channels, global listeners and sign-in. */
final class Release {
    static final List<Class<?>> LISTENERS = List.of(PrivateEncryptedChannelEventListener.class);

    private Release() {}

    static void authorize(PusherOptions options, String signer, String query) {
        options.setChannelAuthorizer(new HttpChannelAuthorizer(signer + "/channel?" + query));
        options.setUserAuthenticator(new HttpUserAuthenticator(signer + "/user?" + query));
    }

    static List<String> event(Object[] args) {
        PusherEvent e = (PusherEvent) args[0];
        return Arrays.asList(e.getEventName(), e.getData(), e.getChannelName(), e.getUserId());
    }

    static void subscribeEncrypted(Pusher pusher, String channel, Object listener, String[] events) {
        pusher.subscribePrivateEncrypted(channel, (PrivateEncryptedChannelEventListener) listener, events);
    }

    static Channel encrypted(Pusher pusher, String channel) {
        return pusher.getPrivateEncryptedChannel(channel);
    }

    static void bindGlobal(Channel channel, Object listener) {
        channel.bindGlobal((SubscriptionEventListener) listener);
    }

    static void signin(Pusher pusher, Object listener, String[] events) {
        for (String event : events) pusher.user().bind(event, (SubscriptionEventListener) listener);
        pusher.signin();
    }

    static String user(Pusher pusher) {
        return pusher.user().userId();
    }
}
