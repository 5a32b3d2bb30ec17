/* SPDX-License-Identifier: Apache-2.0
 *
 * Every row of the tables (ops.def, attrs.def, steps.def, the kernel families) has the functions that are called for it. A
 * failure names the row; without this test it would be a call of address 0.
 */
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "float/exec.h"
#include "graph/graph.h"
#include "kernels/add/add.h"
#include "kernels/attention/attention.h"
#include "kernels/conv/conv.h"
#include "kernels/dwconv/dwconv.h"
#include "kernels/image/image.h"
#include "kernels/lut/lut.h"
#include "kernels/move/move.h"
#include "kernels/pool/pool.h"
#include "lower/internal.h"
#include "plan/plan.h"

#include "test.h"

static void test_tables__operations(void)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const enum op op = (enum op)i;
        const struct op_info *const info = op_info(op);
        CHECK_MSG(info->name != NULL && info->name[0] != '\0', "operation %d has no name", i);
        if (info->name == NULL) continue;
        enum op found = OP_COUNT;
        CHECK_MSG(op_find(info->name, &found) && found == op, "%s: the name is not its own",
                  info->name);
        CHECK_MSG(info->min_inputs >= 1 && info->max_inputs >= info->min_inputs &&
                      info->min_outputs >= 1 && info->max_outputs >= info->min_outputs,
                  "%s: numbers of inputs and outputs", info->name);
        CHECK_MSG(graph_can_infer(op), "%s has no row in infer_table (graph/shape_infer.c)",
                  info->name);
        CHECK_MSG(float_can_run(op),
                  "%s has no row in eval_table (graph/eval.c) nor in heavy_table (float/exec.c)",
                  info->name);
    }
}

static void test_tables__attributes(void)
{
    for (int i = 0; i < ATTR_ID_COUNT; i++) {
        const struct attr_info *const info = attr_info((enum attr_id)i);
        enum attr_id found = ATTR_ID_COUNT;
        CHECK_MSG(info->name != NULL && attr_find(info->name, &found) && (int)found == i,
                  "attribute %d: the name is not its own", i);
    }
}

/* Without a case in unary_value the compiler of plans stops: in a process of its own. */
static bool has_unary_value(enum op op)
{
    value_id none[3] = {0};
    const struct node n = {
        .op = op, .name = "n", .n_inputs = 1, .n_outputs = 1, .inputs = none, .outputs = none};
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL) _exit(1);
        const double y = unary_value(NULL, &n, 0.5);
        _exit(y > -10 && y < 10 ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

static void test_tables__functions_of_one_number(void)
{
    int n_tables = 0;
    for (int i = 0; i < OP_COUNT; i++) {
        const struct node n = {.op = (enum op)i};
        if (!unary_is_table(&n)) continue;
        n_tables++;
        CHECK_MSG(has_unary_value((enum op)i), "%s has no case in unary_value (lower/facts.c)",
                  op_info((enum op)i)->name);
    }
    CHECK(n_tables > 5 && !has_unary_value(OP_CONV));
}

static void test_tables__steps(void)
{
    for (int i = 0; i < STEP_KIND_COUNT; i++) {
        const char *const name = step_kind_name((enum step_kind)i);
        CHECK_MSG(name != NULL && name[0] != '\0', "step kind %d has no name", i);
        for (int k = 0; k < i && name != NULL; k++)
            CHECK_MSG(strcmp(name, step_kind_name((enum step_kind)k)) != 0,
                      "step kinds %d and %d are both %s", k, i, name);
    }
}

/* Best first, and the last is one that every CPU has: choosing ends. */
#define CHECK_ROWS(family, is_whole)                                                               \
    do {                                                                                           \
        int n = 0;                                                                                 \
        const struct family##_row *const rows = family##_rows(&n);                                 \
        CHECK_MSG(n > 0 && rows[n - 1].cpu == CPU_SCALAR, #family ": the last row is not scalar"); \
        for (int i = 0; i < n; i++) {                                                              \
            const struct family##_row *const r = &rows[i];                                         \
            CHECK_MSG(r->name != NULL && r->name[0] != '\0', #family ": row %d has no name", i);   \
            CHECK_MSG(is_whole, #family ": row %d, %s, lacks a function", i,                       \
                      r->name != NULL ? r->name : "");                                             \
        }                                                                                          \
    } while (0)

static void test_tables__kernels(void)
{
    CHECK_ROWS(conv, r->products != NULL && r->fits != NULL && r->packed_size != NULL &&
                         r->scratch_size != NULL && r->pack != NULL && r->run != NULL);
    CHECK_ROWS(dwconv, r->fits != NULL && r->packed_size != NULL && r->scratch_size != NULL &&
                           r->pack != NULL && r->run != NULL);
    CHECK_ROWS(pool, r->scratch_size != NULL && r->run != NULL);
    CHECK_ROWS(move, r->run != NULL);
    CHECK_ROWS(add, r->run != NULL);
    CHECK_ROWS(lut, r->run != NULL);
    CHECK_ROWS(attention, r->shared_size != NULL && r->scratch_size != NULL && r->prepare != NULL &&
                              r->run != NULL);
    CHECK_ROWS(image, r->nv12_to_rgb != NULL && r->rgb_to_nv12 != NULL && r->letterbox != NULL &&
                          r->to_input != NULL);
}

TEST_MAIN(TEST(test_tables__operations), TEST(test_tables__attributes),
          TEST(test_tables__functions_of_one_number), TEST(test_tables__steps),
          TEST(test_tables__kernels))
