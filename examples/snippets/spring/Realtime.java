// Gradle: implementation("com.pusher:pusher-http-java:1.3.4")
import com.pusher.rest.Pusher;
import com.pusher.rest.data.PresenceUser;
import com.pusher.rest.data.Result;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

@RestController
public class Realtime {
    private final Pusher fanfare;

    public Realtime(
            @Value("${PUSHER_APP_ID}") String appId, @Value("${PUSHER_APP_KEY}") String key, @Value("${PUSHER_APP_SECRET}") String secret,
            @Value("${PUSHER_HOST:localhost}") String host, @Value("${PUSHER_PORT:6001}") int port, @Value("${PUSHER_SCHEME:http}") String scheme) {
        fanfare = new Pusher(appId, key, secret);
        fanfare.setHost(host + ":" + port);
        fanfare.setEncrypted(scheme.equals("https"));
    }

    @PostMapping(path = "/pusher/auth", produces = MediaType.APPLICATION_JSON_VALUE)
    public String authorize(@RequestParam("socket_id") String socketId, @RequestParam("channel_name") String channel) {
        var user = new PresenceUser("1", Map.of("name", "Ann")); // replace with your log-in
        return switch (channel) {
            case "private-orders" -> fanfare.authenticate(socketId, channel);
            case "presence-room" -> fanfare.authenticate(socketId, channel, user);
            default -> throw new ResponseStatusException(HttpStatus.FORBIDDEN, "You may not join this channel.");
        };
    }

    public record Order(String text) {}

    @PostMapping("/orders")
    public Map<String, Boolean> create(@RequestBody Order order) {
        Result result = fanfare.trigger("private-orders", "created", Map.of("text", order.text()));
        if (result.getStatus() != Result.Status.SUCCESS) {
            throw new ResponseStatusException(HttpStatus.BAD_GATEWAY, result.getMessage());
        }
        return Map.of("ok", true);
    }
}
