"""The server: trio tasks that move bytes between sockets and the protocol, in turns of bounded length."""
