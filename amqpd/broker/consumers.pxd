cimport cython
from amqpd.broker.message cimport Message
from amqpd.broker.queue cimport Queue

cdef class Consumer:
    cdef public bint able
    cdef public object arguments
    cdef public bint exclusive
    cdef public bint in_rotation
    cdef public bint no_ack
    cdef public long long passed_over
    cdef public object priority
    cdef public Queue queue
    cdef public str tag

    cpdef deliver(self, Message message)

cdef class _Level:
    cdef public Py_ssize_t members
    cdef public long long passes
    cdef public object rotation
    cdef public Consumer sole

    cpdef join(self, Consumer consumer)
    cpdef leave(self, Consumer consumer)

cdef class Consumers:
    cdef public Consumer _active
    cdef public dict _levels
    cdef public dict _members
    cdef public tuple _order
    cdef public bint _paused
    cdef public bint single

    cpdef rejoin(self, Consumer consumer)
    cpdef rest(self, Consumer consumer)
    @cython.locals(active=Consumer, level=_Level, consumer=Consumer)
    cpdef Consumer next_able(self)
