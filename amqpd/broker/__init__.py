"""The broker: a synchronous model in memory. It knows neither bytes on the wire, sockets, trio nor pamqp."""
