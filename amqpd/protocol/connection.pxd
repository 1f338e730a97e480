cimport cython
from amqpd.broker.ports cimport Peer
from amqpd.broker.session cimport Session
from amqpd.broker.work cimport WorkList
from amqpd.protocol cimport dispatch
from amqpd.protocol.channel cimport Channel
from amqpd.protocol.node cimport Node
from amqpd.protocol.outbox cimport Outbox
from amqpd.wire.content cimport HeaderCache
from amqpd.wire.frames cimport FrameParser

cdef int PUBLISH

cdef class Connection(Peer):
    cdef public bint _behind
    cdef public object _deadline
    cdef public list _parsed
    cdef public object _pending
    cdef public bint _resuming
    cdef public long long _sent_before
    cdef public bint _unread
    cdef public object ack_timeout
    cdef public bint alarmed
    cdef public bint blocked
    cdef public object capabilities
    cdef public int channel_max
    cdef public dict channels
    cdef public object client_properties
    cdef public object connected_at
    cdef public object consumer_timeouts
    cdef public object endpoint
    cdef public object expiry
    cdef public bint fatal
    cdef public long long frame_max
    cdef public HeaderCache headers
    cdef public object heartbeat
    cdef public int heartbeat_interval
    cdef public set just_closed
    cdef public object mechanism
    cdef public Node node
    cdef public bint notified
    cdef public Outbox outbox
    cdef public FrameParser parser
    cdef public str pid
    cdef public long long queueing
    cdef public long long reads
    cdef public long long received
    cdef public Session session
    cdef public bint stalled
    cdef public str state
    cdef public long long unfinished_content
    cdef public object user

    cpdef receive_data(self, bytes data)
    @cython.locals(at_once=bint, frames=list, more=bint)
    cpdef bint process(self, Py_ssize_t budget)
    @cython.locals(channel=Channel, channels=dict, work=WorkList, kind=int, number=int, payload=bytes, header=bytes, body=bytes)
    cpdef _running(self, list frames, Py_ssize_t budget)
    cpdef frame(self, int kind, int number, bytes payload)
