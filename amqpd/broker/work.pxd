cdef class WorkList:
    cdef public object _waiting
    cdef public object on_work
    cdef public long long spent
