cimport cython
from amqpd.broker.destination cimport Destination
from amqpd.broker.message cimport Account, Message
from amqpd.broker.queue cimport OnExpiry
from amqpd.broker.work cimport WorkList

cdef int REJECTED

cdef class VHost(OnExpiry):
    cdef public str name
    cdef public object context
    cdef public object events
    cdef public long long generation
    cdef public bint tracing
    cdef public object default_queue_type
    cdef public object metadata
    cdef public object max_connections
    cdef public object max_queues
    cdef public object policies
    cdef public dict sessions
    cdef public object statistics
    cdef public object ended
    cdef public object on_death
    cdef public object on_routes_changed
    cdef public object dead_letters
    cdef public object _make_queue
    cdef public object _recorder
    cdef public WorkList _work
    cdef public Account _account
    cdef public long long _topology
    cdef public dict _reply_consumers
    cdef public dict exchanges
    cdef public object default_exchange
    cdef public dict queues

    @cython.locals(first=Destination)
    cpdef bint publish(self, Message message, tuple route)
