cimport cython
from amqpd.broker.unacked cimport Unacked
from amqpd.protocol.channel cimport Channel

cpdef ack(Channel channel, tag, int bits)
@cython.locals(unacked=Unacked)
cdef _settle(Channel channel, tag, bint multiple, settle)
