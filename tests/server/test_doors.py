"""Doors: listening sockets that are closed and opened again, at the same addresses, while the rest runs."""

from __future__ import annotations

import socket
from functools import partial

import pytest
import trio

from amqpd.server.doors import Door, accept_all
from amqpd.server.listeners import Address, listen


class Hall:
    """Where accepted clients end up."""

    def __init__(self) -> None:
        self.clients: list[socket.socket] = []
        self.came = trio.Event()

    def admit(self, sock: socket.socket, peer: Address, own: Address) -> None:
        self.clients.append(sock)
        self.came.set()


def refused(address: Address) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


async def visited(hall: Hall, address: Address) -> None:
    hall.came = trio.Event()
    with socket.create_connection(address), trio.fail_after(20):
        await hall.came.wait()
    hall.clients.pop().close()


async def test_a_closed_door_refuses_and_an_opened_one_lets_in_again() -> None:
    hall = Hall()
    async with trio.open_nursery() as nursery:
        door = Door("amqp", [listen("127.0.0.1", 0)], partial(accept_all, admit=hall.admit), nursery)
        (address,) = door.addresses
        await visited(hall, address)
        for _ in range(2):
            await door.close()
            assert not door.is_open
            assert refused(address)
        for _ in range(2):
            door.open()
            await visited(hall, address)
        assert door.addresses == [address]
        nursery.cancel_scope.cancel()
    assert refused(address)


async def test_what_was_passed_keeps_its_clients_waiting_meanwhile() -> None:
    hall = Hall()
    async with trio.open_nursery() as nursery:
        door = Door("amqp", [listen("127.0.0.1", 0)], partial(accept_all, admit=hall.admit), nursery, passed=True)
        (address,) = door.addresses
        await door.close()
        hall.came = trio.Event()
        with socket.create_connection(address), trio.fail_after(20):
            door.open()
            await hall.came.wait()
        hall.clients.pop().close()
        nursery.cancel_scope.cancel()
    door.forget()


async def test_a_door_whose_address_was_taken_stays_closed() -> None:
    async with trio.open_nursery() as nursery:
        door = Door("amqp", [listen("127.0.0.1", 0)], partial(accept_all, admit=Hall().admit), nursery)
        (address,) = door.addresses
        await door.close()
        with listen(*address), pytest.raises(OSError, match="cannot listen"):
            door.open()
        assert not door.is_open
        nursery.cancel_scope.cancel()
