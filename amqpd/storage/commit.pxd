from amqpd.storage.batch cimport Batch

cdef class Commit:
    cdef public Batch batch
    cdef public list changes
    cdef public list chunks
    cdef public object durable
    cdef public dict streams
    cdef public dict touched

    cpdef bint has_messages(self)
