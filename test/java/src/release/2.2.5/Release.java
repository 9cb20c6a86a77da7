import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.Channel;
import com.pusher.client.channel.PrivateEncryptedChannelEventListener;
import com.pusher.client.channel.PusherEvent;
import com.pusher.client.util.HttpAuthorizer;
import java.util.Arrays;
import java.util.List;

/** What 2.2 has: encrypted channels. */
final class Release {
    static final List<Class<?>> LISTENERS = List.of(PrivateEncryptedChannelEventListener.class);

    private Release() {}

    static void authorize(PusherOptions options, String signer, String query) {
        options.setAuthorizer(new HttpAuthorizer(signer + "/channel?" + query));
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
        throw new UnsupportedOperationException("2.2 has no global listeners");
    }

    static void signin(Pusher pusher, Object listener, String[] events) {
        throw new UnsupportedOperationException("2.2 has no sign-in");
    }

    static String user(Pusher pusher) {
        throw new UnsupportedOperationException("2.2 has no sign-in");
    }
}
