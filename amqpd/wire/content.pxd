cimport cython
from amqpd.wire cimport octets
from amqpd.properties cimport Properties

cdef int BODY, HEADER

cdef class ContentHeader:
    cdef public unsigned long long body_size
    cdef public Properties properties

cdef class HeaderCache:
    cdef public dict _known

    @cython.locals(header=ContentHeader)
    cpdef ContentHeader get(self, bytes payload)

cdef class ContentAssembler:
    cdef public HeaderCache _headers
    cdef public bint _strict_sizes
    cdef public tuple ids
    cdef public bytes arguments
    cdef public ContentHeader header
    cdef public list _chunks
    cdef public object _small
    cdef public object _remaining
    cdef public long long received

    cpdef begin(self, tuple ids, bytes arguments)
    cpdef receive(self, int kind, bytes payload)
    cpdef reset(self)
    @cython.locals(class_id=int, weight=int, size="unsigned long long")
    cpdef _receive_header(self, bytes payload)
    cpdef _receive_body(self, bytes payload)
