cimport cython

cdef class Tally:
    cdef public long long copies
    cdef public long long dropped
    cdef public str exchange
    cdef public long long published
    cdef public long long returned

    cpdef routed(self, bint mandatory, Py_ssize_t count)

cdef class PublishPlan:
    cdef public long long access_generation
    cdef public bint checks_topic
    cdef public object exchange
    cdef public str exchange_name
    cdef public long long generation
    cdef public bint immediate
    cdef public bint mandatory
    cdef public tuple route
    cdef public str routing_key
    cdef public Tally tally

cdef class PublishPlans:
    cdef public dict _known
    cdef public dict tallies

    @cython.locals(plan=PublishPlan, tally=Tally)
    cpdef PublishPlan get(self, bytes payload)
