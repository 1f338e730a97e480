cimport cython
from amqpd.broker.message cimport Account

cdef class Outbox:
    cdef public Account _account
    cdef public long long _accounted
    cdef public list _dirty
    cdef public long long _high
    cdef public long long _low
    cdef public bint _queued
    cdef public object on_drained
    cdef public object on_over
    cdef public bint over
    cdef public long long over_at
    cdef public list parts
    cdef public long long sends
    cdef public long long sent
    cdef public long long size
    cdef public object transport

    cpdef append(self, bytes frame)
    cpdef grown(self, Py_ssize_t octets)
    @cython.locals(parts=list)
    cpdef take(self, Py_ssize_t limit=*)
    cpdef was_sent(self, Py_ssize_t octets)
    cpdef flushed(self)
