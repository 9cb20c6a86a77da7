import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.pusher.rest.Pusher;
import com.pusher.rest.PusherAbstract;
import com.pusher.rest.PusherAsync;
import com.pusher.rest.data.Event;
import com.pusher.rest.data.PresenceUser;
import com.pusher.rest.data.Result;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** One pusher-http-java at a time: the class that blocks or the one that does not, made either way. */
public final class Http {
    private PusherAbstract<?> sdk;

    public static void main(String[] args) throws Exception {
        Http http = new Http();
        Lines.serve(http::run);
        System.exit(0); // the threads of async-http-client would stay for a while
    }

    private Object run(JsonObject c) throws Exception {
        return switch (text(c, "do")) {
            case "make" -> {
                if (sdk != null) ((AutoCloseable) sdk).close();
                sdk = make(c, text(c, "type").equals("PusherAsync"));
                yield null;
            }
            case "trigger" -> result(trigger(c));
            case "batch" -> result(sdk.trigger(batch(c.getAsJsonArray("events"))));
            case "get" -> result(sdk.get(text(c, "path"), parameters(c)));
            case "post" -> result(sdk.post(text(c, "path"), text(c, "body")));
            case "signedUri" -> sdk.signedUri(text(c, "method"), text(c, "path"), null, parameters(c)).toString();
            case "authenticate" -> Lines.parse(authenticate(c));
            case "webhook" -> sdk.validateWebhookSignature(text(c, "key"), text(c, "signature"), text(c, "body")).name();
            default -> throw new IllegalArgumentException("no such command: " + c);
        };
    }

    private static PusherAbstract<?> make(JsonObject c, boolean async) {
        String url = text(c, "url"), id = text(c, "appId"), key = text(c, "key"), secret = text(c, "secret"), master = text(c, "masterKey");
        if (url != null) return async ? new PusherAsync(url) : new Pusher(url);
        PusherAbstract<?> made = async ? new PusherAsync(id, key, secret, master) : new Pusher(id, key, secret, master);
        made.setHost(text(c, "host"));
        made.setEncrypted(c.has("tls") && c.get("tls").getAsBoolean());
        return made;
    }

    private Object trigger(JsonObject c) {
        JsonElement channel = c.get("channel");
        String event = text(c, "event");
        JsonElement data = c.get("data");
        if (channel.isJsonArray()) {
            List<String> channels = new ArrayList<>();
            for (JsonElement e : channel.getAsJsonArray()) channels.add(e.getAsString());
            return c.has("socketId") ? sdk.trigger(channels, event, data, text(c, "socketId")) : sdk.trigger(channels, event, data);
        }
        String one = channel.getAsString();
        return c.has("socketId") ? sdk.trigger(one, event, data, text(c, "socketId")) : sdk.trigger(one, event, data);
    }

    private static List<Event> batch(JsonArray events) {
        List<Event> batch = new ArrayList<>();
        for (JsonElement e : events) {
            JsonObject o = e.getAsJsonObject();
            batch.add(new Event(text(o, "channel"), text(o, "name"), o.get("data"), text(o, "socketId")));
        }
        return batch;
    }

    private String authenticate(JsonObject c) {
        String socket = text(c, "socketId"), channel = text(c, "channel");
        if (!c.has("user")) return sdk.authenticate(socket, channel);
        if (c.get("user").getAsJsonPrimitive().isNumber()) {
            return sdk.authenticate(socket, channel, new PresenceUser(c.get("user").getAsInt(), c.get("info")));
        }
        return sdk.authenticate(socket, channel, new PresenceUser(text(c, "user"), c.get("info")));
    }

    private static Object result(Object answer) throws Exception {
        Result result = (Result) (answer instanceof CompletableFuture<?> future ? future.get() : answer);
        Map<String, Object> plain = new HashMap<>();
        plain.put("status", result.getStatus().name());
        plain.put("http", result.getHttpStatus());
        plain.put("message", result.getMessage());
        return plain;
    }

    private static Map<String, String> parameters(JsonObject c) {
        Map<String, String> parameters = new HashMap<>();
        if (c.has("parameters")) c.getAsJsonObject("parameters").entrySet().forEach(e -> parameters.put(e.getKey(), e.getValue().getAsString()));
        return parameters;
    }

    private static String text(JsonObject c, String name) {
        return c.has(name) ? c.get(name).getAsString() : null;
    }
}
