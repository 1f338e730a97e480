cimport cython
from amqpd.storage.columns cimport Writer

cdef class QueueRecords:
    cdef public set copied
    cdef public long long delivered
    cdef public dict published
    cdef public dict returned
    cdef public list settled

cdef class Batch:
    cdef public dict _known
    cdef public list _uses
    cdef public list contents
    cdef public dict queues

    @cython.locals(records=QueueRecords)
    cpdef publish(self, object queue, long long number, object content, object deadline=*, object shared=*)
    @cython.locals(records=QueueRecords, published=tuple, settled=list, index=Py_ssize_t, last=tuple)
    cpdef settle(self, object queue, long long number)
    @cython.locals(records=QueueRecords)
    cpdef deliver(self, object queue, long long number)
    cpdef QueueRecords _of(self, object queue)
    @cython.locals(writer=Writer, records=QueueRecords, kept=list, places=dict, column=Py_ssize_t, index=Py_ssize_t)
    cpdef bytes encode(self)
