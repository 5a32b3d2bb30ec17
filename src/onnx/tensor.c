/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements come as little-endian bytes (in the file or beside it) or in one of the typed fields; which field holds which
 * type is fixed by the format. Both roads check the count before anything is allocated.
 */
#include "onnx/tensor.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "onnx/onnx.h"
#include "onnx/wire.h"

/* columns: ONNX's member of DataType, our type, bytes of an element in raw data, typed field */
#define TYPE_LIST(X)                                                                               \
    X(F32, DTYPE_F32, 4, FIELD_FLOAT)                                                              \
    X(U8, DTYPE_U8, 1, FIELD_INT32)                                                                \
    X(S8, DTYPE_S8, 1, FIELD_INT32)                                                                \
    X(S16, DTYPE_S16, 2, FIELD_INT32)                                                              \
    X(S32, DTYPE_S32, 4, FIELD_INT32)                                                              \
    X(S64, DTYPE_S64, 8, FIELD_INT64)                                                              \
    X(BOOLEAN, DTYPE_BOOL, 1, FIELD_INT32)                                                         \
    X(F64, DTYPE_F64, 8, FIELD_DOUBLE)                                                             \
    X(F16, DTYPE_F32, 2, FIELD_INT32)                                                              \
    X(BF16, DTYPE_F32, 2, FIELD_INT32)

enum field { FIELD_FLOAT, FIELD_INT32, FIELD_INT64, FIELD_DOUBLE };

struct type {
    int32_t onnx;
    enum dtype dtype;
    size_t size;
    enum field field;
};
static const struct type types[] = {
#define ITX_X(name, dtype, size, field) {ONNX__TENSOR_PROTO__DATA_TYPE__##name, dtype, size, field},
    TYPE_LIST(ITX_X)
#undef ITX_X
};
#undef TYPE_LIST

/* Names of all of ONNX's element types, for messages. */
static const char *type_name(int32_t type)
{
    static const char *const names[] = {"undefined", "float32",  "uint8",  "int8",   "uint16",
                                        "int16",     "int32",    "int64",  "string", "bool",
                                        "float16",   "float64",  "uint32", "uint64", "complex",
                                        "complex",   "bfloat16", "float8", "float8", "float8",
                                        "float8",    "uint4",    "int4",   "float4", "float8"};
    return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "of an unknown type";
}

static const struct type *find_type(int32_t onnx)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].onnx == onnx) return &types[i];
    return NULL;
}

itx_status dtype_of_onnx(int32_t type, const char *what, enum dtype *dtype, struct itx_error *err)
{
    const struct type *t = find_type(type);
    if (t == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s is %s (type %d), which is not supported", what,
                        type_name(type), (int)type);
    *dtype = t->dtype;
    return ITX_OK;
}

int32_t dtype_to_onnx(enum dtype dtype)
{
    /* float32 stands before float16 in the list */
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].dtype == dtype) return types[i].onnx;
    return 0;
}

static float float_of_half(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, m = h & 0x3ff;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | m << 13);
    if (exponent != 0) return float_of_bits(sign | (exponent + 112) << 23 | m << 13);
    const float value = (float)m * 0x1p-24f;
    return sign != 0 ? -value : value;
}

static float float_of_16(const struct type *type, uint16_t bits)
{
    return type->onnx == ONNX__TENSOR_PROTO__DATA_TYPE__F16 ? float_of_half(bits)
                                                            : float_of_bits((uint32_t)bits << 16);
}

static void fill_raw(const struct type *type, const uint8_t *raw, size_t n, void *data)
{
    switch (type->size) {
    case 1:
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)data)[i] = type->dtype == DTYPE_BOOL ? raw[i] != 0 : raw[i];
        break;
    case 2:
        for (size_t i = 0; i < n; i++) {
            const uint16_t bits = load_le16(raw + 2 * i);
            if (type->dtype == DTYPE_F32)
                ((float *)data)[i] = float_of_16(type, bits);
            else
                ((uint16_t *)data)[i] = bits;
        }
        break;
    case 4:
        for (size_t i = 0; i < n; i++) ((uint32_t *)data)[i] = load_le32(raw + 4 * i);
        break;
    case 8:
        for (size_t i = 0; i < n; i++) ((uint64_t *)data)[i] = load_le64(raw + 8 * i);
        break;
    default:
        ITX_BUG();
    }
}

static void fill_int32(const struct type *type, const int32_t *from, size_t n, void *data)
{
    switch (type->size) {
    case 1:
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)data)[i] = type->dtype == DTYPE_BOOL ? from[i] != 0 : (uint8_t)from[i];
        break;
    case 2:
        for (size_t i = 0; i < n; i++) {
            if (type->dtype == DTYPE_F32)
                ((float *)data)[i] = float_of_16(type, (uint16_t)from[i]);
            else
                ((uint16_t *)data)[i] = (uint16_t)from[i];
        }
        break;
    case 4:
        memcpy(data, from, n * sizeof *from);
        break;
    default:
        ITX_BUG();
    }
}

static size_t field_count(const Onnx__TensorProto *p, enum field field)
{
    switch (field) {
    case FIELD_FLOAT:
        return p->n_float_data;
    case FIELD_INT32:
        return p->n_int32_data;
    case FIELD_INT64:
        return p->n_int64_data;
    case FIELD_DOUBLE:
        return p->n_double_data;
    }
    ITX_BUG();
}

static void fill_field(const struct type *type, const Onnx__TensorProto *p, size_t n, void *data)
{
    if (n == 0) return;
    switch (type->field) {
    case FIELD_FLOAT:
        memcpy(data, p->float_data, n * sizeof *p->float_data);
        return;
    case FIELD_INT32:
        fill_int32(type, p->int32_data, n, data);
        return;
    case FIELD_INT64:
        memcpy(data, p->int64_data, n * sizeof *p->int64_data);
        return;
    case FIELD_DOUBLE:
        memcpy(data, p->double_data, n * sizeof *p->double_data);
        return;
    }
}

void external_release(struct external *ext)
{
    file_bytes_release(&ext->part);
}

/* Relative, and no component is "..": inside the model's folder (links in it are the user's own). */
static bool path_is_inside(const char *path)
{
    if (path[0] == '\0' || path[0] == '/' || path[0] == '\\' || strchr(path, ':') != NULL)
        return false;
    for (const char *p = path; *p != '\0';) {
        const size_t len = strcspn(p, "/\\");
        if (len == 2 && p[0] == '.' && p[1] == '.') return false;
        p += len;
        p += *p != '\0';
    }
    return true;
}

static bool parse_size(const char *text, size_t *value)
{
    size_t v = 0;
    if (*text == '\0') return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || !size_mul(v, 10, &v) || !size_add(v, (size_t)(*p - '0'), &v))
            return false;
    }
    *value = v;
    return true;
}

/* Reads a part of FOLDER/location, which stays in `ext` until the next one is read; *whole: bytes of that file. */
static itx_status external_read(struct external *ext, const char *location, size_t offset,
                                size_t size, size_t *whole, struct itx_error *err)
{
    const size_t folder_len = strlen(ext->folder), len = strlen(location);
    char *path = mem_alloc(folder_len + 1 + len + 1);
    if (path == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    memcpy(path, ext->folder, folder_len);
    path[folder_len] = '/';
    memcpy(path + folder_len + 1, location, len + 1);
    external_release(ext);
    const itx_status rc = file_read_part(&ext->part, whole, path, offset, size, err);
    mem_free(path);
    return rc;
}

/* The `size` bytes that external_data of `p` points to. */
static itx_status external_bytes(struct external *ext, const Onnx__TensorProto *p, size_t size,
                                 const uint8_t **bytes, struct itx_error *err)
{
    const char *location = NULL;
    size_t offset = 0, length = size, whole = 0;
    for (size_t i = 0; i < p->n_external_data; i++) {
        const char *key = p->external_data[i]->key, *value = p->external_data[i]->value;
        if (key == NULL || value == NULL) continue;
        bool is_good = true;
        if (strcmp(key, "location") == 0) location = value;
        if (strcmp(key, "offset") == 0) is_good = parse_size(value, &offset);
        if (strcmp(key, "length") == 0) is_good = parse_size(value, &length);
        if (!is_good)
            return itx_fail(err, ITX_E_FORMAT, "external data has the %s '%s', not a number", key,
                            value);
    }
    if (location == NULL || strlen(location) > ONNX_MAX_TEXT)
        return itx_fail(err, ITX_E_FORMAT, "external data has no usable location");
    if (ext->folder == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "its elements are in another file ('%s'): the model must be read from "
                        "a file",
                        location);
    if (!path_is_inside(location))
        return itx_fail(err, ITX_E_FORMAT, "its elements are outside the model's folder: '%s'",
                        location);
    ITX_TRY(external_read(ext, location, offset, length == size ? size : 0, &whole, err));
    if (ext->part.size != size || length != size)
        return itx_fail(err, ITX_E_FORMAT,
                        "external data: %zu bytes at %zu of '%s' are needed, %zu given, the file "
                        "has %zu",
                        size, offset, location, length, whole);
    *bytes = ext->part.data;
    return ITX_OK;
}

static itx_status read_shape(const Onnx__TensorProto *p, struct shape *shape, struct itx_error *err)
{
    if (p->n_dims > SHAPE_MAX_RANK)
        return itx_fail(err, ITX_E_RANGE, "has %zu dimensions, at most %d are supported", p->n_dims,
                        SHAPE_MAX_RANK);
    *shape = (struct shape){.rank = (int)p->n_dims};
    for (int i = 0; i < shape->rank; i++) {
        if (p->dims[i] < 0)
            return itx_fail(err, ITX_E_FORMAT, "has the dimension %lld", (long long)p->dims[i]);
        shape->dim[i] = p->dims[i];
    }
    if (shape_elements(shape) < 0)
        return itx_fail(err, ITX_E_RANGE, "has more than %lld elements",
                        (long long)SHAPE_MAX_ELEMENTS);
    return ITX_OK;
}

itx_status tensor_of_onnx(const Onnx__TensorProto *p, struct external *ext, struct arena *arena,
                          struct tensor *t, struct itx_error *err)
{
    struct tensor result = {0};
    ITX_TRY(dtype_of_onnx(p->data_type, "its element type", &result.dtype, err));
    ITX_TRY(read_shape(p, &result.shape, err));
    const struct type *type = find_type(p->data_type);
    const size_t n = (size_t)shape_elements(&result.shape);
    const uint8_t *raw = p->has_raw_data ? p->raw_data.data : NULL;
    size_t size, room;
    if (!size_mul(n, type->size, &size) || !size_mul(n, (size_t)dtype_size(result.dtype), &room))
        return itx_fail(err, ITX_E_RANGE, "is too large");
    const bool is_external = p->has_data_location && p->data_location == 1;
    if (is_external) {
        ITX_TRY(external_bytes(ext, p, size, &raw, err));
    } else if (p->has_raw_data && p->raw_data.len != size) {
        return itx_fail(err, ITX_E_FORMAT, "has %zu bytes of data, its shape needs %zu",
                        p->raw_data.len, size);
    } else if (!p->has_raw_data && field_count(p, type->field) != n) {
        return itx_fail(err, ITX_E_FORMAT, "has %zu elements, its shape needs %zu",
                        field_count(p, type->field), n);
    }
    result.data = arena_alloc(arena, room);
    if (result.data == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (is_external || p->has_raw_data)
        fill_raw(type, raw, n, result.data);
    else
        fill_field(type, p, n, result.data);
    *t = result;
    return ITX_OK;
}

itx_status onnx_read_tensor_memory(const void *data, size_t size, struct arena *arena,
                                   struct tensor *t, struct itx_error *err)
{
    struct wire wire;
    struct external none = {0};
    Onnx__TensorProto *p;
    wire_init(&wire, size);
    ITX_TRY(wire_read_tensor(&wire, data, size, &p, err));
    const itx_status rc = tensor_of_onnx(p, &none, arena, t, err);
    wire_free_tensor(&wire, p);
    return rc;
}
