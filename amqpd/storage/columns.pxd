cimport cython

cdef class Writer:
    cdef public list parts

    cpdef u32(self, long long value)
    cpdef numbers(self, object values)
    cpdef indexes(self, object values)
    cpdef blobs(self, object values)
    @cython.locals(places=dict, indexes=list)
    cpdef repeating(self, list values)
    @cython.locals(places=dict, indexes=list)
    cpdef repeating_texts(self, list values)
    cpdef _column(self, str code, object values)
