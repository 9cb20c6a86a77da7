import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.Channel;
import com.pusher.client.channel.PresenceChannel;
import com.pusher.client.channel.PresenceChannelEventListener;
import com.pusher.client.channel.SubscriptionEventListener;
import com.pusher.client.channel.User;
import com.pusher.client.connection.ConnectionEventListener;
import com.pusher.client.connection.ConnectionStateChange;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Any number of pusher-java-clients. Whatever they call back is said, with its arguments. */
public final class Client {
    private final Map<String, Pusher> clients = new HashMap<>();
    private final Map<List<String>, Object> listeners = new HashMap<>(); // by client and place

    public static void main(String[] args) throws Exception {
        Lines.serve(new Client()::run);
    }

    private Object run(JsonObject c) {
        String name = text(c, "client");
        Pusher pusher = clients.get(name);
        switch (text(c, "do")) {
            case "connect" -> {
                clients.put(name, connect(name, c));
                return null;
            }
            case "subscribe" -> subscribe(name, pusher, text(c, "channel"), texts(c, "events"));
            case "unsubscribe" -> pusher.unsubscribe(text(c, "channel"));
            case "bind" -> channel(pusher, text(c, "channel")).bind(text(c, "event"), (SubscriptionEventListener) listener(name, text(c, "channel")));
            case "unbind" -> channel(pusher, text(c, "channel")).unbind(text(c, "event"), (SubscriptionEventListener) listener(name, text(c, "channel")));
            case "bindGlobal" -> Release.bindGlobal(channel(pusher, text(c, "channel")), listener(name, text(c, "channel")));
            case "trigger" -> trigger(pusher, text(c, "channel"), text(c, "event"), text(c, "data"));
            case "signin" -> Release.signin(pusher, listener(name, "user"), texts(c, "events"));
            case "disconnect" -> pusher.disconnect();
            case "reconnect" -> pusher.connect();
            case "socket" -> {
                return pusher.getConnection().getSocketId();
            }
            case "user" -> {
                return Release.user(pusher);
            }
            case "channel" -> {
                return look(channel(pusher, text(c, "channel")));
            }
            default -> throw new IllegalArgumentException("no such command: " + c);
        }
        return null;
    }

    private Pusher connect(String name, JsonObject c) {
        PusherOptions options = new PusherOptions().setHost("127.0.0.1").setEncrypted(c.has("tls") && c.get("tls").getAsBoolean())
            .setWsPort(c.get("port").getAsInt()).setWssPort(c.get("port").getAsInt())
            .setMaxReconnectionAttempts(1000).setMaxReconnectGapInSeconds(1);
        if (c.has("activityTimeout")) options.setActivityTimeout(c.get("activityTimeout").getAsLong());
        if (c.has("pongTimeout")) options.setPongTimeout(c.get("pongTimeout").getAsLong());
        Release.authorize(options, text(c, "signer"), text(c, "query"));
        Pusher pusher = new Pusher(text(c, "key"), options);
        pusher.connect((ConnectionEventListener) listener(name, "connection"));
        return pusher;
    }

    private void subscribe(String name, Pusher pusher, String channel, String[] events) {
        Object listener = listener(name, channel);
        if (channel.startsWith("private-encrypted-")) Release.subscribeEncrypted(pusher, channel, listener, events);
        else if (channel.startsWith("presence-")) pusher.subscribePresence(channel, (PresenceChannelEventListener) listener, events);
        else if (channel.startsWith("private-")) pusher.subscribePrivate(channel, (PresenceChannelEventListener) listener, events);
        else pusher.subscribe(channel, (PresenceChannelEventListener) listener, events);
    }

    private static void trigger(Pusher pusher, String channel, String event, String data) {
        if (channel.startsWith("presence-")) pusher.getPresenceChannel(channel).trigger(event, data);
        else pusher.getPrivateChannel(channel).trigger(event, data);
    }

    private static Channel channel(Pusher pusher, String name) {
        if (name.startsWith("private-encrypted-")) return Release.encrypted(pusher, name);
        if (name.startsWith("presence-")) return pusher.getPresenceChannel(name);
        return name.startsWith("private-") ? pusher.getPrivateChannel(name) : pusher.getChannel(name);
    }

    private static Object look(Channel channel) {
        if (channel == null) return null;
        Map<String, Object> seen = new HashMap<>();
        seen.put("subscribed", channel.isSubscribed());
        if (channel instanceof PresenceChannel presence) {
            seen.put("users", plain(presence.getUsers()));
            seen.put("me", plain(presence.getMe()));
        }
        return seen;
    }

    private Object listener(String client, String place) {
        return listeners.computeIfAbsent(List.of(client, place), key -> newListener(client, place));
    }

    /** A listener of every kind there is; it says which method was called, where and with what. */
    private static Object newListener(String client, String place) {
        List<Class<?>> kinds = new ArrayList<>(Release.LISTENERS);
        kinds.add(PresenceChannelEventListener.class);
        kinds.add(ConnectionEventListener.class);
        return Proxy.newProxyInstance(Client.class.getClassLoader(), kinds.toArray(Class[]::new), (self, method, args) -> {
            if (method.getDeclaringClass() == Object.class) return object(self, method, args);
            Map<String, Object> call = new HashMap<>();
            call.put("client", client);
            call.put("place", place);
            call.put("method", method.getName());
            if (method.getName().equals("onEvent")) {
                call.put("args", Release.event(args)); // what throws here throws in an app
            } else {
                List<Object> plain = new ArrayList<>();
                for (Object arg : args) plain.add(plain(arg));
                call.put("args", plain);
            }
            Lines.say(call);
            return null;
        });
    }

    private static Object object(Object self, Method method, Object[] args) {
        return switch (method.getName()) {
            case "equals" -> self == args[0];
            case "hashCode" -> System.identityHashCode(self);
            default -> "listener";
        };
    }

    private static Object plain(Object arg) {
        if (arg == null || arg instanceof String) return arg;
        if (arg instanceof Collection<?> all) return all.stream().map(Client::plain).toList();
        if (arg instanceof User user) {
            Map<String, Object> member = new HashMap<>();
            member.put("id", user.getId());
            member.put("info", user.getInfo());
            return member;
        }
        if (arg instanceof ConnectionStateChange change) return change.getCurrentState().name();
        return arg.toString();
    }

    private static String text(JsonObject c, String name) {
        return c.has(name) ? c.get(name).getAsString() : null;
    }

    private static String[] texts(JsonObject c, String name) {
        List<String> all = new ArrayList<>();
        for (JsonElement e : c.getAsJsonArray(name)) all.add(e.getAsString());
        return all.toArray(new String[0]);
    }
}
