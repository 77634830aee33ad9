/* Four kernels.  Three are plain loops that the compiler turns into vector code; `nearest` uses
 * intrinsics, with one body for each width.  Which one is compiled follows from -march alone: there
 * is no dispatch at run time, the installer has chosen. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__)
#define BUILT_FOR "v4"
#elif defined(__AVX2__) && defined(__FMA__)
#define BUILT_FOR "v3"
#elif defined(__SSE4_2__) && defined(__POPCNT__)
#define BUILT_FOR "v2"
#else
#define BUILT_FOR "v1"
#endif

/* ---- loops for the compiler ---------------------------------------------------------------- */

static float dot_loop(const float *restrict a, const float *restrict b, Py_ssize_t n)
{
    float sum = 0.0f;
    for (Py_ssize_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* exp(x) on [-1, 1] by its series to the ninth power, Horner's way. */
static void polynomial_loop(const float *restrict x, float *restrict y, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        float v = 1.0f / 362880.0f;
        v = v * x[i] + 1.0f / 40320.0f;
        v = v * x[i] + 1.0f / 5040.0f;
        v = v * x[i] + 1.0f / 720.0f;
        v = v * x[i] + 1.0f / 120.0f;
        v = v * x[i] + 1.0f / 24.0f;
        v = v * x[i] + 1.0f / 6.0f;
        v = v * x[i] + 0.5f;
        v = v * x[i] + 1.0f;
        y[i] = v * x[i] + 1.0f;
    }
}

static uint64_t hamming_loop(const uint64_t *restrict a, const uint64_t *restrict b, Py_ssize_t n)
{
    uint64_t count = 0;
    for (Py_ssize_t i = 0; i < n; i++)
        count += (uint64_t)__builtin_popcountll(a[i] ^ b[i]);
    return count;
}

/* ---- squared distance of two vectors, with intrinsics -------------------------------------- */

static float distance(const float *restrict a, const float *restrict b, Py_ssize_t n)
{
    Py_ssize_t i = 0;
    float sum = 0.0f;
#if defined(__AVX512F__)
    __m512 s0 = _mm512_setzero_ps(), s1 = _mm512_setzero_ps();
    for (; i + 32 <= n; i += 32) {
        __m512 d0 = _mm512_sub_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        __m512 d1 = _mm512_sub_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
        s0 = _mm512_fmadd_ps(d0, d0, s0);
        s1 = _mm512_fmadd_ps(d1, d1, s1);
    }
    sum = _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
#elif defined(__AVX2__) && defined(__FMA__)
    __m256 s0 = _mm256_setzero_ps(), s1 = _mm256_setzero_ps();
    for (; i + 16 <= n; i += 16) {
        __m256 d0 = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        __m256 d1 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
        s0 = _mm256_fmadd_ps(d0, d0, s0);
        s1 = _mm256_fmadd_ps(d1, d1, s1);
    }
    float part[8];
    _mm256_storeu_ps(part, _mm256_add_ps(s0, s1));
    for (int k = 0; k < 8; k++)
        sum += part[k];
#elif defined(__SSE2__)
    __m128 s0 = _mm_setzero_ps(), s1 = _mm_setzero_ps();
    for (; i + 8 <= n; i += 8) {
        __m128 d0 = _mm_sub_ps(_mm_loadu_ps(a + i), _mm_loadu_ps(b + i));
        __m128 d1 = _mm_sub_ps(_mm_loadu_ps(a + i + 4), _mm_loadu_ps(b + i + 4));
        s0 = _mm_add_ps(s0, _mm_mul_ps(d0, d0));
        s1 = _mm_add_ps(s1, _mm_mul_ps(d1, d1));
    }
    float part[4];
    _mm_storeu_ps(part, _mm_add_ps(s0, s1));
    for (int k = 0; k < 4; k++)
        sum += part[k];
#endif
    for (; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* ---- Python -------------------------------------------------------------------------------- */

/* Two buffers of `size`-byte items; 0, or -1 with an exception. */
static int two_buffers(PyObject *args, const char *format, Py_buffer *a, Py_buffer *b, Py_ssize_t size)
{
    if (!PyArg_ParseTuple(args, format, a, b))
        return -1;
    if (a->len % size || b->len % size) {
        PyErr_SetString(PyExc_ValueError, "the buffers do not hold whole items");
        PyBuffer_Release(a);
        PyBuffer_Release(b);
        return -1;
    }
    return 0;
}

static int same_length(Py_buffer *a, Py_buffer *b)
{
    if (a->len == b->len)
        return 1;
    PyErr_SetString(PyExc_ValueError, "the buffers differ in length");
    return 0;
}

static PyObject *release(Py_buffer *a, Py_buffer *b, PyObject *result)
{
    PyBuffer_Release(a);
    PyBuffer_Release(b);
    return result;
}

static PyObject *py_dot(PyObject *self, PyObject *args)
{
    Py_buffer a, b;
    PyObject *result = NULL;
    if (two_buffers(args, "y*y*", &a, &b, sizeof(float)))
        return NULL;
    if (same_length(&a, &b))
        result = PyFloat_FromDouble(dot_loop(a.buf, b.buf, a.len / (Py_ssize_t)sizeof(float)));
    return release(&a, &b, result);
}

static PyObject *py_polynomial(PyObject *self, PyObject *args)
{
    Py_buffer x, y;
    PyObject *result = NULL;
    if (two_buffers(args, "y*w*", &x, &y, sizeof(float)))
        return NULL;
    if (same_length(&x, &y)) {
        polynomial_loop(x.buf, y.buf, x.len / (Py_ssize_t)sizeof(float));
        result = Py_NewRef(Py_None);
    }
    return release(&x, &y, result);
}

static PyObject *py_hamming(PyObject *self, PyObject *args)
{
    Py_buffer a, b;
    PyObject *result = NULL;
    if (two_buffers(args, "y*y*", &a, &b, sizeof(uint64_t)))
        return NULL;
    if (same_length(&a, &b))
        result = PyLong_FromUnsignedLongLong(
            hamming_loop(a.buf, b.buf, a.len / (Py_ssize_t)sizeof(uint64_t)));
    return release(&a, &b, result);
}

static PyObject *py_nearest(PyObject *self, PyObject *args)
{
    Py_buffer points, query;
    PyObject *result = NULL;
    if (two_buffers(args, "y*y*", &points, &query, sizeof(float)))
        return NULL;
    if (query.len == 0 || points.len == 0 || points.len % query.len) {
        PyErr_SetString(PyExc_ValueError, "the points are not a whole number of vectors");
        return release(&points, &query, NULL);
    }
    Py_ssize_t n = query.len / (Py_ssize_t)sizeof(float), count = points.len / query.len, best = 0;
    float least = distance(points.buf, query.buf, n);
    for (Py_ssize_t i = 1; i < count; i++) {
        float d = distance((const float *)points.buf + i * n, query.buf, n);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    result = PyLong_FromSsize_t(best);
    return release(&points, &query, result);
}

static PyMethodDef methods[] = {
    {"dot", py_dot, METH_VARARGS, "dot(a, b): the inner product of two buffers of floats."},
    {"polynomial", py_polynomial, METH_VARARGS, "polynomial(x, out): exp(x) for x in [-1, 1]."},
    {"hamming", py_hamming, METH_VARARGS, "hamming(a, b): bits that differ, 8 bytes at a time."},
    {"nearest", py_nearest, METH_VARARGS, "nearest(points, query): the index of the nearest vector."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "lanes._kernels", "Numeric kernels.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernels(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddStringConstant(made, "BUILT_FOR", BUILT_FOR)) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}
