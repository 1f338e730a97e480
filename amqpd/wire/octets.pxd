from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

cdef inline unsigned long long _number(const unsigned char* at, int size) noexcept:
    cdef unsigned long long value = 0
    cdef int i
    for i in range(size):
        value = value << 8 | at[i]
    return value

cdef inline (int, int, long long) frame_start(const unsigned char* octets, Py_ssize_t at) noexcept:
    return octets[at], <int>_number(octets + at + 1, 2), <long long>_number(octets + at + 3, 4)

cdef inline (int, int, long long, int, int, unsigned long long) header_start(
        const unsigned char* octets, Py_ssize_t at) noexcept:
    return (octets[at], <int>_number(octets + at + 1, 2), <long long>_number(octets + at + 3, 4),
            <int>_number(octets + at + 7, 2), <int>_number(octets + at + 9, 2), _number(octets + at + 11, 8))

cdef inline (int, int, unsigned long long) content_start(const unsigned char* octets) noexcept:
    return <int>_number(octets, 2), <int>_number(octets + 2, 2), _number(octets + 4, 8)

cdef inline bint starts_with(const unsigned char* octets, bytes start, Py_ssize_t at, Py_ssize_t end) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(start)
    return at + size <= end and memcmp(octets + at, PyBytes_AS_STRING(start), size) == 0

cdef inline (unsigned long long, int) tag_and_bits(const unsigned char* octets, Py_ssize_t at) noexcept:
    return _number(octets + at, 8), octets[at + 8]

cdef inline tuple method_id(const unsigned char* octets):
    return <int>_number(octets, 2), <int>_number(octets + 2, 2)

cdef inline void _put_tag(unsigned char* to, unsigned long long tag) noexcept:
    cdef int i
    for i in range(8):
        to[i] = <unsigned char>(tag >> (56 - 8 * i))

cdef inline bytes tagged(bytes before, unsigned long long tag, bytes after):
    cdef Py_ssize_t first = PyBytes_GET_SIZE(before), last = PyBytes_GET_SIZE(after)
    cdef bytes made = PyBytes_FromStringAndSize(NULL, first + 8 + last)
    cdef char* to = PyBytes_AS_STRING(made)
    memcpy(to, PyBytes_AS_STRING(before), first)
    _put_tag(<unsigned char*>to + first, tag)
    memcpy(to + first + 8, PyBytes_AS_STRING(after), last)
    return made

cdef inline bytes framed(bytes before, unsigned long long tag, bytes after, bytes body):
    cdef Py_ssize_t first = PyBytes_GET_SIZE(before), last = PyBytes_GET_SIZE(after), size = PyBytes_GET_SIZE(body)
    cdef bytes made = PyBytes_FromStringAndSize(NULL, first + 8 + last + size + 1)
    cdef char* to = PyBytes_AS_STRING(made)
    memcpy(to, PyBytes_AS_STRING(before), first)
    _put_tag(<unsigned char*>to + first, tag)
    to += first + 8
    memcpy(to, PyBytes_AS_STRING(after), last)
    memcpy(to + last, PyBytes_AS_STRING(body), size)
    to[last + size] = <char>0xce
    return made
