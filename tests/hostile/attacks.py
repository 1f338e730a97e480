"""What a hostile client does, each for as long as the attack lasts; every function returns how often it did it.

`ATTACKS` has them by name, with what they do in words.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import Thread

from amqpd.cli.bench.frames import BODY, HEADER, frame, longstr, method, publish, shortstr, table
from tests.hostile.sockets import PROTOCOL_HEADER, Target, client_hello, connect, drain, log_in, logged_in, start_ok

THREADS = 4
Attack = Callable[[Target], int]


def _again(step: Callable[[], object], target: Target) -> int:
    """Do something again and again; what fails is tried again."""
    count = 0
    while not target.is_over:
        try:
            step()
            count += 1
        except OSError:
            target.rest(0.05)
    return count


def _in_threads(step: Callable[[], object], target: Target) -> int:
    counts: list[int] = []
    threads = [Thread(target=lambda: counts.append(_again(step, target))) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(counts)


def _declare(name: str, arguments: bytes = b"\0\0\0\0", *, nowait: bool = False) -> bytes:
    bits = 0b1000 | (0b10000 if nowait else 0)  # auto-delete
    return method(1, 50, 10, b"\0\0" + shortstr(name) + bytes((bits,)) + arguments)


def _consume(queue: str) -> bytes:
    return method(1, 60, 20, b"\0\0" + shortstr(queue) + shortstr("c") + b"\x02" + b"\0\0\0\0")


# -- before the login -------------------------------------------------------------------------------------------------


def slow_handshakes(target: Target) -> int:
    """500 clients say one octet a second."""
    said = PROTOCOL_HEADER + start_ok()
    clients: dict[socket.socket, int] = {}
    count = 0
    with ExitStack() as opened:
        while not target.is_over:
            while len(clients) < 500:
                clients[opened.enter_context(connect(target))] = 0
                count += 1
            for sock, at in list(clients.items()):
                try:
                    sock.send(said[at : at + 1])
                    clients[sock] = at + 1
                except OSError:
                    del clients[sock]
                    sock.close()
            target.rest(1.0)
    return count


def half_open(target: Target) -> int:
    """10,000 clients connect and say nothing; who is dropped comes again."""
    held: list[socket.socket] = []
    count = 0
    while not target.is_over:
        while len(held) < 10_000 and not target.is_over:
            try:
                held.append(connect(target))
                count += 1
            except OSError:
                target.rest(0.05)
        target.rest(1.0)
        for sock in held[:200]:
            sock.setblocking(False)
            with suppress(BlockingIOError):
                if not sock.recv(1):
                    held.remove(sock)
                    sock.close()
    for sock in held:
        sock.close()
    return count


def failed_logins(target: Target) -> int:
    """Wrong passwords, on new connections, as fast as four threads can."""

    def guess() -> None:
        with connect(target) as sock:
            sock.sendall(PROTOCOL_HEADER + start_ok("wrong"))
            while sock.recv(4096):
                pass

    return _in_threads(guess, target)


def failed_logins_at_once(target: Target) -> int:
    """1,000 connections at a time with wrong passwords of different users, nobody waits for an answer."""

    def wave() -> None:
        with ExitStack() as opened:
            for number in range(1000):
                sock = opened.enter_context(connect(target))
                response = longstr(f"\0user{number}\0wrong".encode())
                said = table({}) + shortstr("PLAIN") + response + shortstr("en_US")
                sock.sendall(PROTOCOL_HEADER + method(0, 10, 11, said))
            target.rest(1.0)

    return 1000 * _again(wave, target)


def tls_handshakes(target: Target) -> int:
    """TLS handshakes that are given up as soon as the broker has signed, as fast as four threads can."""
    hello = client_hello()

    def begin() -> None:
        with connect(target, tls=True) as sock:
            sock.sendall(hello)
            sock.recv(1)

    return _in_threads(begin, target)


def tls_handshakes_at_once(target: Target) -> int:
    """500 connections at a time start a TLS handshake at the same moment, and say nothing more."""
    hello = client_hello()

    def wave() -> None:
        with ExitStack() as opened:
            clients = [opened.enter_context(connect(target, tls=True)) for _ in range(500)]
            for sock in clients:
                sock.sendall(hello)
            target.rest(1.0)

    return 500 * _again(wave, target)


def churn(target: Target) -> int:
    """Log in, open a channel, go away without a word, as fast as four threads can."""
    return _in_threads(lambda: log_in(target).close(), target)


def endless_http_headers(target: Target) -> int:
    """400 HTTP requests whose headers never end."""
    count = 0
    with ExitStack() as opened:
        clients: list[socket.socket] = []
        while not target.is_over:
            while len(clients) < 400:
                sock = opened.enter_context(connect(target, http=True))
                sock.sendall(b"GET /api/overview HTTP/1.1\r\nhost: x\r\n")
                clients.append(sock)
            for sock in clients[:]:
                try:
                    sock.send(b"x-more: " + b"y" * 1000 + b"\r\n")
                    count += 1
                except OSError:
                    clients.remove(sock)
                    sock.close()
            target.rest(0.2)
    return count


# -- with a login -----------------------------------------------------------------------------------------------------


def unread_deliveries(target: Target) -> int:
    """50 consumers of large messages that read nothing."""
    body = bytes(64 * 1024)
    with ExitStack() as opened, logged_in(target) as sock:
        for number in range(50):
            sock.sendall(_declare(f"unread{number}"))
            consumer = opened.enter_context(log_in(target))
            consumer.sendall(_consume(f"unread{number}"))
        count = 0
        while not target.is_over:
            sock.sendall(publish("", f"unread{count % 50}", body, frame_max=target.frame_max))
            count += 1
            if count >= 5000:
                target.rest(0.05)
    return count


def unread_replies(target: Target) -> int:
    """20 clients ask again and again, and read no answer."""
    question = _declare("asked") * 500
    count = 0
    with ExitStack() as opened:
        clients = [opened.enter_context(log_in(target)) for _ in range(20)]
        for sock in clients:
            sock.setblocking(False)
        while not target.is_over:
            sent = 0
            for sock in clients:
                with suppress(OSError):
                    sent += sock.send(question)
            count += sent
            if not sent:
                target.rest(0.05)
    return count


def endless_content(target: Target) -> int:
    """100 messages of 16 MiB whose last octet never comes."""
    size = 16 * 1024 * 1024
    piece = frame(BODY, 1, bytes(target.frame_max - 8))
    head = method(1, 60, 40, b"\0\0" + shortstr("") + shortstr("q") + b"\0")
    head += frame(HEADER, 1, struct.pack(">HHQH", 60, 0, size, 0))
    count = 0
    with ExitStack() as opened:
        for _ in range(100):
            sock = opened.enter_context(log_in(target))
            with suppress(OSError):
                sock.sendall(head)
                for _ in range(size // (target.frame_max - 8)):
                    if target.is_over:
                        break
                    sock.sendall(piece)
                    count += 1
        while not target.is_over:
            target.rest(1.0)
    return count


def huge_tables(target: Target) -> int:
    """Declares with tables as large as a frame: flat ones, deep ones, and wrong ones."""
    room = target.frame_max - 200
    flat = b"".join(shortstr(f"{number:05}") + b"t\x01" for number in range(room // 8))
    deep = b""
    while len(deep) < room:
        deep = b"\x01aF" + longstr(deep)
    wrong = shortstr("a") + b"S" + struct.pack(">I", 1 << 30)
    said = [_declare("tables", longstr(each)) for each in (flat, deep, wrong)]

    def declare() -> None:
        for each in said:
            with logged_in(target) as sock:
                sock.sendall(each)
                sock.recv(4096)
        with connect(target) as sock:
            sock.sendall(PROTOCOL_HEADER + start_ok(properties=longstr(flat[: 4096 - 300 & ~7])))
            sock.recv(4096)

    return _again(declare, target)


def declare_storm(target: Target) -> int:
    """Queues are declared, bound and deleted without a pause or a look at the answers."""
    with logged_in(target) as sock:

        def step() -> None:
            said = b""
            for number in range(200):
                name = f"storm{number}"
                bind = b"\0\0" + shortstr(name) + shortstr("amq.topic") + shortstr("a.*.#") + b"\x01\0\0\0\0"
                delete = b"\0\0" + shortstr(name) + b"\x04"
                said += _declare(name, nowait=True) + method(1, 50, 20, bind) + method(1, 50, 40, delete)
            sock.sendall(said)
            drain(sock)

        return 200 * _again(step, target)


def many_queues(target: Target) -> int:
    """Queues are declared and stay, until the attack is over: at most 50,000."""
    count = 0
    with logged_in(target) as sock:
        while not target.is_over and count < 50_000:
            exclusive = [f"many{number}" for number in range(count, count + 200)]
            said = [method(1, 50, 10, b"\0\0" + shortstr(name) + b"\x14\0\0\0\0") for name in exclusive]
            sock.sendall(b"".join(said))
            drain(sock)
            count += 200
        while not target.is_over:
            target.rest(1.0)
    return count


def channel_storm(target: Target) -> int:
    """Channels are opened and closed, 2,000 at a time."""
    opens = b"".join(method(number, 20, 10, shortstr("")) for number in range(2, 2002))
    closes = b"".join(method(number, 20, 40, b"\0\0\0\0\0\0\0") for number in range(2, 2002))
    with logged_in(target) as sock:

        def step() -> None:
            sock.sendall(opens + closes)
            drain(sock)

        return 2000 * _again(step, target)


def topic_wildcards(target: Target) -> int:
    """Bindings full of `#` and `*`, and keys of a hundred words."""
    key = ".".join("a" * 120)
    with logged_in(target) as sock:
        sock.sendall(_declare("wild"))
        for number in range(500):
            pattern = ".".join(["#.a.*"] * (10 + number % 20)) + f".{number}"
            bind = b"\0\0" + shortstr("wild") + shortstr("amq.topic") + shortstr(pattern[:255]) + b"\x01\0\0\0\0"
            sock.sendall(method(1, 50, 20, bind))
        said = publish("amq.topic", key, b"x", frame_max=target.frame_max)

        def step() -> None:
            sock.sendall(said * 20)

        return 20 * _again(step, target)


def giant_frames(target: Target) -> int:
    """Messages of the largest frames to nobody, and every hundredth time a frame that is too large."""
    body = bytes(8 * (target.frame_max - 8))
    said = publish("", "nobody", body, frame_max=target.frame_max)

    def step() -> None:
        with logged_in(target) as sock:
            for _ in range(100):
                if target.is_over:
                    return
                sock.sendall(said)
            sock.sendall(b"\x03\x00\x01\xff\xff\xff\xff" + body)

    return _again(step, target)


def full_queue(target: Target) -> int:
    """A flood to a queue that holds ten messages and drops the oldest."""
    limit = longstr(shortstr("x-max-length") + b"I" + struct.pack(">i", 10))
    with logged_in(target) as sock:
        sock.sendall(_declare("full", limit))
        said = publish("", "full", bytes(100), frame_max=target.frame_max) * 200
        return 200 * _again(lambda: sock.sendall(said), target)


def deep_queue(target: Target) -> int:
    """A flood of messages that nobody reads."""
    with logged_in(target) as sock:
        sock.sendall(_declare("deep"))
        said = publish("", "deep", bytes(1000), frame_max=target.frame_max) * 50

        def step() -> None:
            sock.sendall(said)

        return 50 * _again(step, target)


ATTACKS: dict[str, tuple[str, Attack]] = {
    "slow-handshakes": ("500 clients log in at 1 octet/s", slow_handshakes),
    "half-open": ("10,000 connections that say nothing", half_open),
    "failed-logins": ("wrong passwords, four threads", failed_logins),
    "failed-logins-at-once": ("1,000 wrong passwords at a time", failed_logins_at_once),
    "tls-handshakes": ("TLS handshakes, four threads", tls_handshakes),
    "tls-handshakes-at-once": ("500 TLS handshakes at a time", tls_handshakes_at_once),
    "churn": ("log in and vanish, four threads", churn),
    "http-headers": ("400 HTTP requests without an end", endless_http_headers),
    "unread-deliveries": ("50 consumers that never read", unread_deliveries),
    "unread-replies": ("20 clients that read no reply", unread_replies),
    "endless-content": ("100 bodies of 16 MiB that never end", endless_content),
    "huge-tables": ("tables as large as a frame", huge_tables),
    "declare-storm": ("declare, bind, delete without a pause", declare_storm),
    "many-queues": ("50,000 exclusive queues", many_queues),
    "channel-storm": ("open and close 2,000 channels", channel_storm),
    "topic-wildcards": ("500 bindings of #.a.*, keys of 120 words", topic_wildcards),
    "giant-frames": ("bodies in the largest frames", giant_frames),
    "full-queue": ("a flood to a full queue", full_queue),
    "deep-queue": ("a flood that nobody reads", deep_queue),
}
