cimport cython
from amqpd.wire cimport octets

cdef int BASIC, BODY, FRAME_END, FRAME_OVERHEAD, HEADER, METHOD, PUBLISH

cdef class FrameParser:
    cdef public bytes _buffer
    cdef public tuple _same
    cdef public Py_ssize_t _size
    cdef public bytes _start
    cdef public Py_ssize_t _position
    cdef public long long limit
    cdef public object failure

    cpdef feed(self, bytes data)

    @cython.locals(
        buffer="const unsigned char*", position=Py_ssize_t, end=Py_ssize_t, stop=Py_ssize_t, begin=Py_ssize_t,
        start=bytes, payload=bytes, header=bytes, limit="long long", size="long long", kind=int, channel=int,
        found=list, publish=tuple)
    cpdef list frames(self, Py_ssize_t budget, bint fuse=*)
    @cython.locals(
        buffer="const unsigned char*", end=Py_ssize_t, header_stop=Py_ssize_t, body_stop=Py_ssize_t, payload=bytes,
        header=bytes, limit="long long", size="long long", kind=int, channel=int, channel2=int, class_id=int,
        weight=int, body_size="unsigned long long")
    cdef tuple _fused(self, Py_ssize_t position, Py_ssize_t stop)
