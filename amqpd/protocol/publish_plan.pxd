cimport cython

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

cdef class PublishPlans:
    cdef public dict _known

    @cython.locals(plan=PublishPlan)
    cpdef PublishPlan get(self, bytes payload)
