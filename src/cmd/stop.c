/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/stop.h"

#include <signal.h>
#include <stdio.h>

#include "base/compiler.h"

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

static struct sigaction before[ARRAY_LEN(signals)];
static volatile sig_atomic_t received;
static bool is_on;

static void note(int number)
{
    received = number;
}

void stop_begin(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    sigemptyset(&action.sa_mask);
    is_on = true;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        sigaction(signals[i].number, NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) sigaction(signals[i].number, &action, NULL);
    }
}

bool stop_wanted(void)
{
    return received != 0;
}

const char *stop_name(void)
{
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (signals[i].number == received) return signals[i].name;
    return "";
}

void stop_end(void)
{
    for (size_t i = 0; is_on && i < ARRAY_LEN(signals); i++)
        sigaction(signals[i].number, &before[i], NULL);
    is_on = false;
    const int number = received;
    if (number == 0) return;
    fflush(stdout);
    raise(number);
}
