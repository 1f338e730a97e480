cimport cython

cdef class Properties:
    cdef public bytes raw
    cdef public unsigned int flags
    cdef public bint persistent
    cdef public object _headers
