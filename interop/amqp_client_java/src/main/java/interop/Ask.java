package interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Requests to the runner, which alone can do things to the broker. */
final class Ask {
    private static final BufferedReader ANSWERS =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private Ask() {}

    /** Return when the runner has done it. */
    static void runner(String request) throws IOException {
        System.out.println("@ " + request);
        System.out.flush();
        Expect.equal("done", ANSWERS.readLine(), "the runner's answer to " + request);
    }
}
