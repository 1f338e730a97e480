cimport cython
from amqpd.broker.consumers cimport Consumer
from amqpd.broker.message cimport Message
from amqpd.broker.reply_to cimport ReplyConsumer
from amqpd.protocol.channel cimport Channel
from amqpd.protocol.outbox cimport Outbox
from amqpd.wire.hot cimport Encoder

cdef class ChannelConsumer(Consumer):
    cdef public Encoder _encoder
    cdef public long long _limit
    cdef public Outbox _outbox
    cdef public Channel channel
    cdef public bint timed_out
    cdef public long long unacked

    @cython.locals(channel=Channel, outbox=Outbox)
    cpdef deliver(self, Message message)
    cpdef bint find_out(self)
    cpdef refresh(self)
    @cython.locals(channel=Channel)
    cpdef bint _has_room(self)

cdef class ReplyPort(ReplyConsumer):
    cdef public Channel _channel
    cdef public object _encoder
    cdef public str tag

    @cython.locals(channel=Channel, outbox=Outbox)
    cpdef int publish(self, Message message) except? -1
