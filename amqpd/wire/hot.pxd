cimport cython
from amqpd.wire cimport octets
from amqpd.broker.message cimport Message
from amqpd.properties cimport Properties

cpdef (unsigned long long, int) parse_settlement(bytes payload)

cdef class Encoder:
    cpdef Py_ssize_t encode(self, tag, Message message, list parts)

cdef class DeliverEncoder(Encoder):
    cdef public bytes _after
    cdef public bytes _before
    cdef public int _channel
    cdef public str _exchange
    cdef public long long _frame_max
    cdef public Py_ssize_t _inline
    cdef public Properties _properties
    cdef public bint _redelivered
    cdef public str _routing_key
    cdef public Py_ssize_t _size
    cdef public bytes _tag

    @cython.locals(body=bytes, size=Py_ssize_t, redelivered=bint, exchange=str, routing_key=str,
                   properties=Properties, frame=bytes, start=bytes, limit="long long")
    cpdef Py_ssize_t encode(self, tag, Message message, list parts)
    cpdef _remember(self, bint redelivered, str exchange, str routing_key, Properties properties, Py_ssize_t size)
