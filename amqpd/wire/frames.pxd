cimport cython
from amqpd.wire cimport octets

cdef int BASIC, BODY, FRAME_END, FRAME_OVERHEAD, HEADER, METHOD, PUBLISH

cdef class FrameParser:
    cdef public bytes _buffer
    cdef public Py_ssize_t _position
    cdef public long long limit
    cdef public object failure

    cpdef feed(self, bytes data)

    @cython.locals(
        buffer="const unsigned char*", position=Py_ssize_t, end=Py_ssize_t, stop=Py_ssize_t,
        header_stop=Py_ssize_t, body_stop=Py_ssize_t, limit="long long", size="long long", size2="long long",
        kind=int, channel=int, found=list, kind2=int, channel2=int, class_id=int, weight=int, may_fuse=bint,
        body_size="unsigned long long")
    cpdef list frames(self, Py_ssize_t budget, bint fuse=*)
