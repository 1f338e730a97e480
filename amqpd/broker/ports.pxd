cdef class Peer:
    pass
