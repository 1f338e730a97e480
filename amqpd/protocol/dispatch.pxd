cimport cython
from amqpd.wire cimport octets
from amqpd.protocol.channel cimport Channel
from amqpd.protocol.connection cimport Connection

cdef int BODY, HEADER, HEARTBEAT, METHOD, PUBLISH

cpdef frames_of(Connection connection, int kind, int number, bytes payload, bytes header, bytes body)
@cython.locals(channel=Channel, handling=tuple, state=str)
cpdef frame(Connection connection, int kind, int number, bytes payload)
cdef dict _SMALLEST
@cython.locals(size=Py_ssize_t)
cdef _check_shape(int kind, bytes payload)
cdef _to_channel(Channel channel, int kind, tuple handling, bytes payload)
