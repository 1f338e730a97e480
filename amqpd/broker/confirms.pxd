cdef class Confirms:
    cdef public list _acked
    cdef public list _nacked
    cdef public long long _reported
    cdef public long long _run
    cdef public dict _unsettled
    cdef public long long published
    cdef public long long refused

    cpdef ack(self, long long number)
    cpdef nack(self, long long number)
