cdef class Line:
    cdef public object _channel
    cdef public object _frames
    cdef public bint _full
    cdef public object _pending
    cdef public object _replies
    cdef public bint _working_off
    cdef public bint busy
