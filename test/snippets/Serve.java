import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Import;

/** An app that has the controller of examples/snippets/spring and nothing else. */
@EnableAutoConfiguration
@Import(Realtime.class)
public class Serve {
    public static void main(String[] args) {
        SpringApplication.run(Serve.class, args);
    }
}
