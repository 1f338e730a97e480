package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.ShutdownSignalException;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** What must be so, and events that must come; each failure is an AssertionError that says what was seen. */
final class Expect {
    /** No event of a broker on the same machine takes this long. */
    static final int LIMIT_MS = 20_000;

    private Expect() {}

    static void that(boolean fact, String what) {
        if (!fact) {
            throw new AssertionError("not so: " + what);
        }
    }

    static void equal(Object expected, Object actual, String what) {
        if (!Objects.deepEquals(expected, actual)) {
            throw new AssertionError(what + ": expected " + text(expected) + ", got " + text(actual));
        }
    }

    /** The next event of a queue that a listener fills. */
    static <T> T next(BlockingQueue<T> events, String what) throws InterruptedException {
        T event = events.poll(LIMIT_MS, TimeUnit.MILLISECONDS);
        if (event == null) {
            throw new AssertionError(what + " did not come within " + LIMIT_MS + " ms");
        }
        return event;
    }

    /** The action must end with a channel or connection closed by the broker with this code. */
    static void closed(int code, String text, Callable<?> action) throws Exception {
        Throwable failure;
        try {
            action.call();
            throw new AssertionError("expected a close with " + code + ", nothing was refused");
        } catch (Exception exception) {
            failure = exception;
        }
        while (failure != null && !(failure instanceof ShutdownSignalException)) {
            failure = failure.getCause();
        }
        Expect.that(failure != null && !(failure instanceof AlreadyClosedException), "the failure is a close");
        closedWith(code, text, (ShutdownSignalException) failure);
    }

    static void closedWith(int code, String text, ShutdownSignalException signal) {
        Expect.that(!signal.isInitiatedByApplication(), "the broker closed: " + signal);
        int actual;
        String reply;
        if (signal.getReason() instanceof AMQP.Channel.Close close) {
            actual = close.getReplyCode();
            reply = close.getReplyText();
        } else if (signal.getReason() instanceof AMQP.Connection.Close close) {
            actual = close.getReplyCode();
            reply = close.getReplyText();
        } else {
            throw new AssertionError("no close method came: " + signal);
        }
        equal(code, actual, "reply code of '" + reply + "'");
        that(reply.startsWith(text), "'" + reply + "' starts with '" + text + "'");
    }

    private static String text(Object value) {
        if (value == null) {
            return "null";
        }
        String shown = value instanceof byte[] octets && octets.length <= 64 ? Arrays.toString(octets) : value.toString();
        return shown + " (" + value.getClass().getSimpleName() + ")";
    }
}
