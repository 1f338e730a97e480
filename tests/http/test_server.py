"""HTTP as it is served beside AMQP: however a client behaves, what every answer has, and others' turns in between."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial

import pytest
import trio
import trio.testing
import trustme

from amqpd.http.limits import Limits
from amqpd.http.message import BodyIncomplete, BodyTooLarge, Request, Response, Sink
from amqpd.http.server import HttpServer
from amqpd.server.listeners import accept_loop, listen

Listening = tuple[str, int]
LIMITS = Limits(connections=8, body=100_000)
LARGE = b'{"name":"a queue","messages":0},' * 4000
TEXT = ("content-type", "text/plain; charset=utf-8")


async def handle(request: Request) -> Response:
    match request.target:
        case "/defect":
            raise RuntimeError("a defect")
        case "/large":
            return Response(200, (LARGE, b"small"), (("content-type", "application/json"), ("etag", '"1"')))
        case "/image":
            return Response(200, (LARGE,), (("content-type", "image/png"),))
        case "/file":
            headers = (TEXT, ("etag", '"abc"'), ("content-security-policy", "default-src 'none'"))
            return Response(200, (b"a file",), headers)
        case "/host":
            return Response(200, (request.headers["host"].encode(),), (TEXT,))
        case "/empty":
            return Response(204)
        case "/pieces":
            return Response(200, (), (TEXT,), partial(written, iter([b"", b"one\n", b"", b"two\n"])))
        case "/endless":
            return Response(200, (), (TEXT,), partial(written, endless()))
        case "/defect-within":
            return Response(200, (), (TEXT,), partial(written, endless(defective=True)))
        case "/busy" | "/login":
            await waiting(request)
        case "/body" | "/short-body":
            return await sized(request, 4 if request.target == "/short-body" else None)
    return Response(200, (f"you asked for {request.target}\n".encode(),), (TEXT,))


async def waiting(request: Request) -> None:
    with request.giving_way() if request.target == "/login" else nullcontext():
        await trio.sleep_forever()


async def sized(request: Request, most: int | None) -> Response:
    try:
        return Response(200, (b"got %d" % len(await request.read_body(most)),), (TEXT,))
    except BodyTooLarge:
        return Response(413, (b"too large",), (TEXT,))
    except BodyIncomplete:
        return Response(400, (b"incomplete",), (TEXT,))


async def written(pieces: Iterator[bytes], sink: Sink) -> None:
    for each in pieces:
        await sink.write(each)


def endless(*, defective: bool = False) -> Iterator[bytes]:
    yield b"more\n"
    while not defective:
        yield b"more\n"
    raise RuntimeError("a defect")


@asynccontextmanager
async def served(tls: Callable[[], ssl.SSLContext | None] | None = None) -> AsyncIterator[Listening]:
    with listen("127.0.0.1", 0) as listener:
        async with trio.open_nursery() as nursery:
            server = HttpServer(handle, nursery, LIMITS, tls or (lambda: None))
            nursery.start_soon(accept_loop, listener, server.admit if tls is None else server.admit_tls)
            address: Listening = listener.getsockname()[:2]
            yield address
            nursery.cancel_scope.cancel()


async def said(address: Listening, *requests: bytes) -> bytes:
    """All that comes back until the server ends the connection, after the client has ended its side."""
    async with await trio.open_tcp_stream(*address) as stream:
        for each in requests:
            await stream.send_all(each)
        await stream.send_eof()
        return b"".join([data async for data in stream])


def get(target: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def post(target: str, body: bytes) -> bytes:
    return get(target, f"Content-Length: {len(body)}", method="POST") + body


async def test_a_connection_carries_several_requests() -> None:
    async with served() as address:
        octets = await said(address, get("/a"), get("/b"))
    assert octets.count(b"HTTP/1.1 200") == 2
    assert b"you asked for /a\n" in octets
    assert b"you asked for /b\n" in octets


@pytest.mark.parametrize("target", ["http://example.org/a?b=c", "HTTP://example.org:80/a?b=c"])
async def test_a_target_may_be_absolute(target: str) -> None:
    async with served() as address:
        assert b"you asked for /a?b=c\n" in await said(address, get(target))
        assert b"you asked for /\n" in await said(address, get("http://example.org"))


async def test_the_host_of_an_absolute_target_counts() -> None:
    async with served() as address:
        assert (await said(address, get("http://example.org/host"))).endswith(b"example.org")
        assert (await said(address, get("/host"))).endswith(b"localhost")


async def test_an_old_client_gets_the_body_until_the_end_of_the_connection() -> None:
    async with served() as address:
        octets = await said(address, b"GET /pieces HTTP/1.0\r\n\r\n")
    assert octets.endswith(b"\r\n\r\none\ntwo\n")


async def test_head_has_no_body() -> None:
    async with served() as address:
        head, full = [await said(address, get("/a", method=method)) for method in ("HEAD", "GET")]
    assert b"content-length: 17\r\n" in head
    assert full == head + b"you asked for /a\n"
    assert b"asked" not in head


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\x02\x00", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_no_request_gets_a_400(octets: bytes) -> None:
    async with served() as address:
        answered = await said(address, octets, b"\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 400")
        assert b"you asked for /x" in await said(address, get("/x"))


async def test_an_amqp_client_is_told_at_once_and_so_is_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as address:
        answered = await said(address, b"AMQP\x00\x00\x09\x01")  # it waits for an answer before it says more
    assert answered.startswith(b"HTTP/1.1 400")
    assert b"this port is for HTTP" in answered
    assert "AMQP client on a port for HTTP" in caplog.text


async def test_endless_headers_are_refused() -> None:
    async with served() as address:
        answered = await said(address, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
    assert answered.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("target", ["/defect", "/defect-within"])
async def test_a_defect_costs_one_connection(target: str, caplog: pytest.LogCaptureFixture) -> None:
    async with served() as address:
        await said(address, get(target))
        assert b"you asked for /x" in await said(address, get("/x"))
    assert "internal error in an HTTP connection" in caplog.text


async def test_a_body_has_a_limit() -> None:
    async with served() as address:
        assert b"got 100000" in await said(address, post("/body", b"x" * 100_000))
        assert b"413" in await said(address, post("/body", b"x" * 100_001))
        assert b"incomplete" in await said(address, post("/body", b"x" * 10)[:-1])


async def test_a_body_in_crumbs_costs_its_sender_alone() -> None:
    """Each chunk is work, however small it is: few of them are read, and others have their turns in between."""
    head = ("Transfer-Encoding: chunked",)
    crumbs = b"1\r\nx\r\n" * 6_000 + b"0\r\n\r\n"
    async with served() as address:
        assert b"got 6000" in await said(address, get("/body", *head, method="POST") + crumbs)
        assert b"413" in await said(address, get("/body", *head, method="POST") + crumbs[:-5] + crumbs)
        unwanted = await said(address, get("/a", *head, method="POST") + crumbs, get("/b"))
        assert b"you asked for /a" in unwanted
        assert b"you asked for /b" not in unwanted  # the rest of the first one was not waited for


async def test_a_handler_may_take_less_of_a_body() -> None:
    async with served() as address:
        assert (await said(address, post("/short-body", b"four"))).endswith(b"got 4")
        assert b"HTTP/1.1 413" in await said(address, post("/short-body", b"fives"))


async def test_a_request_whose_end_can_be_read_in_two_ways_is_refused() -> None:
    """A proxy that goes by the other header would take what follows for somebody else's request."""
    head = get("/a", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST")
    async with served() as address:
        octets = await said(address, head, b"0\r\n\r\n", get("/b"))
    assert octets.startswith(b"HTTP/1.1 400")
    assert octets.count(b"HTTP/1.1") == 1


async def test_a_body_that_nobody_wants_is_dropped_and_the_next_request_answered() -> None:
    async with served() as address:
        assert b"you asked for /b" in await said(address, post("/a", b"x" * 1000), get("/b"))


async def test_others_have_their_turn_between_two_pieces() -> None:
    async with served() as address:
        stream = await trio.open_tcp_stream(*address)
        await stream.send_all(get("/endless"))
        assert b"you asked for /x" in await said(address, get("/x"))
        await stream.aclose()


async def test_a_client_that_does_not_read_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    async with served() as address:
        stream = await trio.open_tcp_stream(*address)
        await stream.send_all(get("/endless"))
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(LIMITS.patience * 3):
            while True:
                try:
                    await stream.send_all(b"x")
                except trio.BrokenResourceError:
                    break
                await trio.sleep(1)
        await stream.aclose()


async def test_connections_that_ask_for_nothing_give_way() -> None:
    async with served() as address:
        held = [await trio.open_tcp_stream(*address) for _ in range(LIMITS.connections)]
        await trio.testing.wait_all_tasks_blocked()
        assert b"you asked for /x" in await said(address, get("/x"))
        assert await held[0].receive_some() == b""
        for each in held:
            await each.aclose()


async def test_too_many_busy_connections_are_closed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as address:
        held = [await trio.open_tcp_stream(*address) for _ in range(LIMITS.connections)]
        for each in held:
            await each.send_all(get("/busy"))
        await trio.testing.wait_all_tasks_blocked(0.01)
        further = await trio.open_tcp_stream(*address)
        assert await further.receive_some() == b""
        for each in (further, *held):
            await each.aclose()
    assert "too many are open" in caplog.text


@pytest.mark.parametrize(
    "slow",
    [
        pytest.param(post("/body", b"x" * 10)[:-1], id="sends its body octet by octet"),
        pytest.param(post("/a", b"x" * 10)[:-1], id="sends a body that nobody wants"),
        pytest.param(get("/endless"), id="does not read its answer"),
        pytest.param(b"nonsense\r\n\r\n", id="says what is no HTTP"),
        pytest.param(get("/login"), id="waits for its login"),
    ],
)
async def test_of_too_many_slow_clients_one_gives_way(slow: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with served() as address:
        held = [await trio.open_tcp_stream(*address) for _ in range(LIMITS.connections)]
        for each in held:
            await each.send_all(slow)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert b"you asked for /x" in await said(address, get("/x"))
        for each in held:
            await each.aclose()
    assert not caplog.records


async def test_who_says_nothing_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    async with served() as address:
        stream = await trio.open_tcp_stream(*address)
        with trio.fail_after(LIMITS.idle + 1):
            assert await stream.receive_some() == b""
        await stream.aclose()


# -- what every answer has ---------------------------------------------------------------------------------------------


async def test_browsers_are_told_neither_to_guess_nor_to_frame() -> None:
    async with served() as address:
        octets = (await said(address, get("/a"))).lower()
        own = (await said(address, get("/file"))).lower()
    for each in (
        b"x-content-type-options: nosniff",
        b"x-frame-options: deny",
        b"referrer-policy: no-referrer",
        b"content-security-policy: default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ):
        assert each in octets
    assert b"strict-transport-security" not in octets
    assert own.count(b"content-security-policy") == 1
    assert b"content-security-policy: default-src 'none'\r\n" in own


@pytest.mark.parametrize("known", ['"abc"', 'W/"abc"', '"x", "abc"', "*"])
async def test_who_has_a_body_already_gets_none(known: str) -> None:
    async with served() as address:
        octets = await said(address, get("/file", f"If-None-Match: {known}"), get("/x"))
    head, _, rest = octets.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 304")
    assert b'etag: "abc"' in head
    assert b"\r\ncontent-type:" not in head
    assert rest.startswith(b"HTTP/1.1 200")


async def test_who_has_another_body_gets_this_one() -> None:
    async with served() as address:
        assert b"a file" in await said(address, get("/file", 'If-None-Match: "abd"'))
        assert b"you asked for /x" in await said(address, get("/x", "If-None-Match: *"))


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=1.0, *;q=0.5", "*"])
async def test_large_texts_are_compressed_for_those_who_take_it(accepted: str) -> None:
    async with served() as address:
        octets = await said(address, get("/large", f"Accept-Encoding: {accepted}"))
    head, _, body = octets.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert b'etag: W/"1"' in head
    assert f"content-length: {len(body)}".encode() in head
    assert zlib.decompress(body, wbits=31) == LARGE + b"small"
    assert len(body) < len(LARGE) / 10


@pytest.mark.parametrize(
    ("target", "accepted"), [("/large", "deflate"), ("/large", "gzip;q=0"), ("/image", "gzip"), ("/a", "gzip")]
)
async def test_what_is_not_asked_for_small_or_no_text_goes_as_it_is(target: str, accepted: str) -> None:
    async with served() as address:
        assert b"content-encoding" not in await said(address, get(target, f"Accept-Encoding: {accepted}"))


async def test_what_is_written_while_it_is_sent_is_compressed_on_its_way() -> None:
    async with served() as address:
        octets = await said(address, b"GET /pieces HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
    assert zlib.decompress(octets.partition(b"\r\n\r\n")[2], wbits=31) == b"one\ntwo\n"


# -- TLS ---------------------------------------------------------------------------------------------------------------


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's."""
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    return theirs, ours


async def test_over_tls_browsers_are_told_to_stay_there() -> None:
    theirs, ours = contexts()
    async with served(lambda: theirs) as address:
        stream = await trio.open_ssl_over_tcp_stream(*address, https_compatible=True, ssl_context=ours)
        async with stream:
            await stream.send_all(get("/large", "Connection: close"))
            octets = b"".join([data async for data in stream])
    assert b"strict-transport-security: max-age=" in octets
    assert octets.endswith(LARGE + b"small")


async def test_who_speaks_no_tls_costs_nobody_else_anything() -> None:
    theirs, ours = contexts()
    async with served(lambda: theirs) as address:
        await said(address, get("/x"))
        silent = await trio.open_tcp_stream(*address)
        stream = await trio.open_ssl_over_tcp_stream(*address, https_compatible=True, ssl_context=ours)
        async with stream:
            await stream.send_all(get("/x"))
            assert b"you asked for /x" in bytes(await stream.receive_some())
        await silent.aclose()


async def test_who_never_ends_the_handshake_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    theirs, _ = contexts()
    async with served(lambda: theirs) as address:
        silent = await trio.open_tcp_stream(*address)
        with trio.fail_after(LIMITS.patience + 1):
            assert await silent.receive_some() == b""
        await silent.aclose()
