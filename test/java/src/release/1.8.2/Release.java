import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.Channel;
import com.pusher.client.util.HttpAuthorizer;
import java.util.Arrays;
import java.util.List;

/** What 1.8 has: public, private and presence channels. Its callback gets no user id. */
final class Release {
    static final List<Class<?>> LISTENERS = List.of();

    private Release() {}

    static void authorize(PusherOptions options, String signer, String query) {
        options.setAuthorizer(new HttpAuthorizer(signer + "/channel?" + query));
    }

    static List<String> event(Object[] args) {
        return Arrays.asList((String) args[1], (String) args[2], (String) args[0], null);
    }

    static void subscribeEncrypted(Pusher pusher, String channel, Object listener, String[] events) {
        throw new UnsupportedOperationException("1.8 has no encrypted channels");
    }

    static Channel encrypted(Pusher pusher, String channel) {
        throw new UnsupportedOperationException("1.8 has no encrypted channels");
    }

    static void bindGlobal(Channel channel, Object listener) {
        throw new UnsupportedOperationException("1.8 has no global listeners");
    }

    static void signin(Pusher pusher, Object listener, String[] events) {
        throw new UnsupportedOperationException("1.8 has no sign-in");
    }

    static String user(Pusher pusher) {
        throw new UnsupportedOperationException("1.8 has no sign-in");
    }
}
