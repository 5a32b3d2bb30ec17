/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia._native.Packed: models loaded through libdnn's C functions, for hobot_dnn and hbm_runtime. Inputs are read and
 * outputs written where the caller's arrays lie; the interpreter's lock is released while a task waits and runs.
 */
#include "native.h"

#include <string.h>
#include <unistd.h>

#include "dnn/hb_dnn.h"

enum { MAX_TENSORS = 64 };

struct packed {
    PyObject_HEAD hbPackedDNNHandle_t handle;
    long pid; /* that loaded it: the library's threads do not exist in a process forked from it */
};

static const char *code_name(int32_t code)
{
#define CODE(name)                                                                                 \
    case name:                                                                                     \
        return #name
    switch (code) {
        CODE(HB_DNN_INVALID_ARGUMENT);
        CODE(HB_DNN_INVALID_MODEL);
        CODE(HB_DNN_MODEL_NUMBER_EXCEED_LIMIT);
        CODE(HB_DNN_INVALID_PACKED_DNN_HANDLE);
        CODE(HB_DNN_INVALID_DNN_HANDLE);
        CODE(HB_DNN_CAN_NOT_OPEN_FILE);
        CODE(HB_DNN_OUT_OF_MEMORY);
        CODE(HB_DNN_TIMEOUT);
        CODE(HB_DNN_TASK_NUM_EXCEED_LIMIT);
        CODE(HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT);
        CODE(HB_DNN_INVALID_TASK_HANDLE);
        CODE(HB_DNN_RUN_TASK_FAILED);
        CODE(HB_DNN_MODEL_IS_RUNNING);
        CODE(HB_DNN_INCOMPATIBLE_MODEL);
        CODE(HB_DNN_API_USE_ERROR);
        CODE(HB_DNN_MULTI_PROGRESS_USE_ERROR);
    }
    return "unknown code";
#undef CODE
}

static PyObject *raise_code(const char *function, int32_t code)
{
    return PyErr_Format(PyExc_RuntimeError, "%s: %s (%d)", function, code_name(code), (int)code);
}

static void packed_dealloc(PyObject *self)
{
    struct packed *const p = (struct packed *)self;
    PyTypeObject *const type = Py_TYPE(self);
    if (p->handle != NULL && p->pid == (long)getpid()) hbDNNRelease(p->handle);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* Packed(paths): a tuple of bytes */
static PyObject *packed_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *paths;
    if (kwargs != NULL && PyDict_Size(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Packed takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!:Packed", &PyTuple_Type, &paths)) return NULL;
    const Py_ssize_t n = PyTuple_Size(paths);
    const char **const texts = PyMem_Calloc((size_t)n + 1, sizeof *texts);
    struct packed *const p = texts != NULL ? PyObject_New(struct packed, type) : NULL;
    if (p == NULL) {
        PyMem_Free(texts);
        return PyErr_NoMemory();
    }
    p->handle = NULL;
    p->pid = (long)getpid();
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        texts[i] = PyBytes_AsString(PyTuple_GetItem(paths, i));
        ok = texts[i] != NULL;
    }
    int32_t code = HB_DNN_SUCCESS;
    if (ok) {
        Py_BEGIN_ALLOW_THREADS code = hbDNNInitializeFromFiles(&p->handle, texts, (int32_t)n);
        Py_END_ALLOW_THREADS if (code != HB_DNN_SUCCESS)
            raise_code("hbDNNInitializeFromFiles", code);
    }
    PyMem_Free(texts);
    if (ok && code == HB_DNN_SUCCESS) return (PyObject *)p;
    Py_DECREF((PyObject *)p);
    return NULL;
}

static PyObject *packed_names(PyObject *self, PyObject *unused)
{
    (void)unused;
    const char **names;
    int32_t n = 0;
    const int32_t code = hbDNNGetModelNameList(&names, &n, ((struct packed *)self)->handle);
    if (code != HB_DNN_SUCCESS) return raise_code("hbDNNGetModelNameList", code);
    PyObject *list = PyList_New(0);
    for (int32_t i = 0; list != NULL && i < n; i++) {
        native_append(&list, PyUnicode_FromString(names[i]));
    }
    return list;
}

/* ---- properties ---- */

/* One side of a model. */
struct side {
    int32_t (*count)(int32_t *, hbDNNHandle_t);
    int32_t (*name)(const char **, hbDNNHandle_t, int32_t);
    int32_t (*properties)(hbDNNTensorProperties *, hbDNNHandle_t, int32_t);
};

static const struct side input_side = {hbDNNGetInputCount, hbDNNGetInputName,
                                       hbDNNGetInputTensorProperties};
static const struct side output_side = {hbDNNGetOutputCount, hbDNNGetOutputName,
                                        hbDNNGetOutputTensorProperties};

static PyObject *tuple_of_ints(const int32_t *numbers, int n)
{
    Py_ssize_t sizes[HB_DNN_TENSOR_MAX_DIMENSIONS];
    for (int i = 0; i < n; i++) sizes[i] = numbers[i];
    return native_tuple(sizes, n);
}

static PyObject *list_of_scales(const hbDNNTensorProperties *p)
{
    const int n = p->quantiType == SCALE ? p->scale.scaleLen : 0;
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < n; i++) {
        const int zero = i < p->scale.zeroPointLen ? p->scale.zeroPointData[i] : 0;
        native_append(&list, Py_BuildValue("(di)", (double)p->scale.scaleData[i], zero));
    }
    return list;
}

static PyObject *describe(const char *name, const hbDNNTensorProperties *p)
{
    PyObject *const parts[] = {
        tuple_of_ints(p->validShape.dimensionSize, p->validShape.numDimensions),
        tuple_of_ints(p->alignedShape.dimensionSize, p->alignedShape.numDimensions),
        tuple_of_ints(p->stride, p->validShape.numDimensions), list_of_scales(p)};
    PyObject *result = NULL;
    if (parts[0] != NULL && parts[1] != NULL && parts[2] != NULL && parts[3] != NULL)
        result = Py_BuildValue("{s:s,s:i,s:i,s:i,s:i,s:i,s:O,s:O,s:O,s:O}", "name", name, "type",
                               (int)p->tensorType, "layout", (int)p->tensorLayout, "quanti_type",
                               (int)p->quantiType, "axis", (int)p->quantizeAxis, "bytes",
                               (int)p->alignedByteSize, "valid_shape", parts[0], "aligned_shape",
                               parts[1], "stride", parts[2], "scale", parts[3]);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) Py_XDECREF(parts[i]);
    return result;
}

static PyObject *describe_side(const struct side *side, hbDNNHandle_t model)
{
    int32_t n = 0;
    int32_t code = side->count(&n, model);
    PyObject *list = PyList_New(0);
    for (int32_t i = 0; list != NULL && code == HB_DNN_SUCCESS && i < n; i++) {
        const char *name;
        hbDNNTensorProperties properties;
        code = side->name(&name, model, i);
        if (code == HB_DNN_SUCCESS) code = side->properties(&properties, model, i);
        if (code != HB_DNN_SUCCESS) break;
        native_append(&list, describe(name, &properties));
    }
    if (code == HB_DNN_SUCCESS || list == NULL) return list;
    Py_DECREF(list);
    return raise_code("properties", code);
}

static bool find_model(PyObject *self, const char *name, hbDNNHandle_t *model)
{
    const int32_t code = hbDNNGetModelHandle(model, ((struct packed *)self)->handle, name);
    if (code != HB_DNN_SUCCESS) raise_code("hbDNNGetModelHandle", code);
    return code == HB_DNN_SUCCESS;
}

/* tensors(name) -> (inputs, outputs), lists of dicts */
static PyObject *packed_tensors(PyObject *self, PyObject *args)
{
    const char *name;
    hbDNNHandle_t model;
    if (!PyArg_ParseTuple(args, "s:tensors", &name) || !find_model(self, name, &model)) return NULL;
    PyObject *const inputs = describe_side(&input_side, model);
    PyObject *const outputs = describe_side(&output_side, model);
    if (inputs != NULL && outputs != NULL) return Py_BuildValue("(NN)", inputs, outputs);
    Py_XDECREF(inputs);
    Py_XDECREF(outputs);
    return NULL;
}

/* ---- running ---- */

/* The tensors of one side, with the memory of the caller's arrays. */
struct tensors {
    int32_t n;
    struct array arrays[MAX_TENSORS];
    hbDNNTensor tensors[MAX_TENSORS];
};

static void tensors_release(struct tensors *t)
{
    for (int32_t i = 0; i < t->n; i++) array_release(&t->arrays[i]);
}

/* `from`: a tuple of arrays of bytes without gaps, writable ones for outputs. */
static bool read_tensors(struct tensors *t, const struct side *side, hbDNNHandle_t model,
                         PyObject *from)
{
    int32_t n = 0;
    int32_t code = side->count(&n, model);
    t->n = 0;
    if (code == HB_DNN_SUCCESS && (PyTuple_Size(from) != n || n > MAX_TENSORS)) {
        PyErr_Format(PyExc_ValueError, "%zd arrays for %d tensors", PyTuple_Size(from), (int)n);
        return false;
    }
    for (int32_t i = 0; i < n && code == HB_DNN_SUCCESS; i++) {
        hbDNNTensor *const tensor = &t->tensors[i];
        struct array *const a = &t->arrays[i];
        *tensor = (hbDNNTensor){0};
        code = side->properties(&tensor->properties, model, i);
        if (code != HB_DNN_SUCCESS) break;
        if (!array_borrow(a, PyTuple_GetItem(from, i), 'u', 1)) return false;
        t->n = i + 1;
        if (a->n_dims != 1 || !array_is_dense(a, 0, 1) || a->shape[0] > INT32_MAX ||
            (side == &output_side && !a->writable)) {
            PyErr_Format(PyExc_ValueError, "array %d is not one of bytes without gaps", (int)i);
            return false;
        }
        tensor->sysMem[0].virAddr = a->data;
        tensor->sysMem[0].memSize = (uint32_t)a->shape[0];
        /* rows without padding, which the library allows to be said */
        if (a->shape[0] < tensor->properties.alignedByteSize)
            tensor->properties.alignedShape = tensor->properties.validShape;
    }
    if (code != HB_DNN_SUCCESS) raise_code("properties", code);
    return code == HB_DNN_SUCCESS;
}

static int32_t infer(hbDNNHandle_t model, struct tensors *in, struct tensors *out,
                     hbDNNInferCtrlParam *param, const char **function)
{
    hbDNNTaskHandle_t task = NULL;
    hbDNNTensor *outputs = out->tensors;
    *function = "hbDNNInfer";
    int32_t code = hbDNNInfer(&task, &outputs, in->tensors, model, param);
    if (code != HB_DNN_SUCCESS) return code;
    *function = "hbDNNWaitTaskDone";
    code = hbDNNWaitTaskDone(task, 0);
    hbDNNReleaseTask(task);
    return code;
}

static PyObject *run_tensors(struct packed *p, const char *name, PyObject *arrays[2],
                             hbDNNInferCtrlParam *param)
{
    hbDNNHandle_t model;
    struct tensors *const in = PyMem_Calloc(2, sizeof *in), *const out = in + 1;
    if (in == NULL) return PyErr_NoMemory();
    bool ok = find_model((PyObject *)p, name, &model) &&
              read_tensors(in, &input_side, model, arrays[0]) &&
              read_tensors(out, &output_side, model, arrays[1]);
    if (ok) {
        const char *function;
        int32_t code;
        Py_BEGIN_ALLOW_THREADS code = infer(model, in, out, param, &function);
        Py_END_ALLOW_THREADS if (code != HB_DNN_SUCCESS) raise_code(function, code);
        ok = code == HB_DNN_SUCCESS;
    }
    tensors_release(in);
    tensors_release(out);
    PyMem_Free(in);
    if (!ok) return NULL;
    Py_INCREF(Py_None);
    return Py_None;
}

/* run(name, inputs, outputs, core, priority, custom_id): tuples of arrays of bytes; the outputs are filled. */
static PyObject *packed_run(PyObject *self, PyObject *args)
{
    struct packed *const p = (struct packed *)self;
    const char *name;
    PyObject *arrays[2];
    int core, priority;
    long long custom_id;
    if (!PyArg_ParseTuple(args, "sO!O!iiL:run", &name, &PyTuple_Type, &arrays[0], &PyTuple_Type,
                          &arrays[1], &core, &priority, &custom_id))
        return NULL;
    if (p->pid != (long)getpid())
        return PyErr_Format(PyExc_RuntimeError,
                            "the model was loaded before this process was forked: load it again");
    hbDNNInferCtrlParam param;
    HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&param);
    param.bpuCoreId = core;
    param.priority = priority;
    param.customId = custom_id;
    return run_tensors(p, name, arrays, &param);
}

static PyMethodDef packed_methods[] = {
    {"names", packed_names, METH_NOARGS, "names() -> list of the models' names"},
    {"tensors", packed_tensors, METH_VARARGS,
     "tensors(name) -> (inputs, outputs): lists of dicts with what hbDNNTensorProperties says"},
    {"run", packed_run, METH_VARARGS,
     "run(name, inputs, outputs, core, priority, custom_id): see dnn.c"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot packed_slots[] = {
    {Py_tp_new, (void *)packed_new},
    {Py_tp_dealloc, (void *)packed_dealloc},
    {Py_tp_methods, packed_methods},
    {Py_tp_doc, "Packed(paths): all models of some files, loaded through libdnn"},
    {0, NULL},
};

PyType_Spec packed_spec = {
    .name = "intarsia._native.Packed",
    .basicsize = sizeof(struct packed),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = packed_slots,
};
