cimport cython
from amqpd.broker.consumers cimport Consumer, Consumers
from amqpd.broker.destination cimport Destination
from amqpd.broker.message cimport Account, Message

cdef class OnExpiry:
    pass

cdef class Queue(Destination):
    cdef public Account _account
    cdef public object _expiry_timer
    cdef public bint _had_consumer
    cdef public object _timers
    cdef public object _work
    cdef public long long acked
    cdef public object arguments
    cdef public bint auto_delete
    cdef public dict bindings
    cdef public Consumers consumers
    cdef public bint deleted
    cdef public bint durable
    cdef public Consumer exclusive_consumer
    cdef public object id
    cdef public str name
    cdef public object on_death
    cdef public object on_expiry
    cdef public object owner
    cdef public Py_ssize_t returning
    cdef public object settings
    cdef public object tally
    cdef public object type
    cdef public Py_ssize_t unacked

    cpdef settle(self, Message message)
    cpdef reject(self, Message message)
    cpdef resume(self)
