import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Commands come in and answers go out as lines of JSON; test/support/driver.mjs is at the other end. */
final class Lines {
    static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    interface Commands {
        Object run(JsonObject command) throws Exception;
    }

    private Lines() {}

    /** Runs every command until the input ends. An exception that reaches no handler is said: it ends an Android app. */
    static void serve(Commands commands) throws IOException {
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            say(Map.of("uncaught", trace.toString()));
        });
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            JsonObject command = parse(line).getAsJsonObject();
            Map<String, Object> answer = new HashMap<>();
            answer.put("answer", command.get("id").getAsInt());
            try {
                answer.put("value", commands.run(command));
            } catch (Exception e) {
                answer.put("error", e.toString());
            }
            say(answer);
        }
    }

    /** The parser as every Gson has it: each SDK brings its own, the oldest of 2012. */
    static JsonElement parse(String text) {
        return new JsonParser().parse(text);
    }

    static synchronized void say(Map<String, ?> message) {
        OUT.println(GSON.toJson(message));
    }
}
