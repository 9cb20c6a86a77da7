/** Prints what examples/snippets/android hears: PORT API. */
public final class Listen {
    private Listen() {}

    public static void main(String[] args) throws InterruptedException {
        new Realtime("app-key", "127.0.0.1", Integer.parseInt(args[0]), false, args[1], "a-token").onOrder(System.out::println);
        Thread.currentThread().join(); // the SDK's threads do not keep a JVM, as an app does
    }
}
