cimport cython

cdef class Unacked:
    cdef public dict gotten
    cdef public dict _by_tag
    cdef public object _tags

    cpdef add(self, tag, tuple delivery)
    @cython.locals(by_tag=dict, taken=list, delivery=tuple)
    cpdef list take_oldest(self, tag, Py_ssize_t limit)
    @cython.locals(delivery=tuple)
    cpdef list take(self, tag, bint multiple)
    @cython.locals(by_tag=dict)
    cpdef _tidy(self)
