cdef class Access:
    cdef public object _events
    cdef public object _recorder
    cdef public dict users
    cdef public dict permissions
    cdef public dict topic_permissions
    cdef public long long generation
