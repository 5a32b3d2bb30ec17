/* SPDX-License-Identifier: Apache-2.0
 *
 * The calling thread has the locale "C" while the C library works, and its own again behind it.
 */
#include "base/format.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain; /* never freed; 0 without memory: then the program's locale counts */

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t plain_locale(void)
{
    const int code = errno;
    pthread_once(&once, make_plain);
    errno = code;
    return plain;
}

static locale_t enter(void)
{
    return uselocale(plain_locale());
}

static void leave(locale_t before)
{
    uselocale(before);
}

int format_textv(char *to, size_t size, const char *fmt, va_list args)
{
    const locale_t before = enter();
    const int n = vsnprintf(to, size, fmt, args);
    leave(before);
    return n;
}

int format_text(char *to, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = format_textv(to, size, fmt, args);
    va_end(args);
    return n;
}

int format_filev(FILE *out, const char *fmt, va_list args)
{
    const locale_t before = enter();
    const int n = vfprintf(out, fmt, args);
    leave(before);
    return n;
}

int format_file(FILE *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = format_filev(out, fmt, args);
    va_end(args);
    return n;
}

int format_out(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = format_filev(stdout, fmt, args);
    va_end(args);
    return n;
}

double parse_double(const char *text, char **end)
{
    const locale_t before = enter();
    const double v = strtod(text, end);
    leave(before);
    return v;
}

float parse_float(const char *text, char **end)
{
    const locale_t before = enter();
    const float v = strtof(text, end);
    leave(before);
    return v;
}

const char *error_text(int code)
{
    const locale_t c = plain_locale();
    return c != (locale_t)0 ? strerror_l(code, c) : strerror(code);
}

int ascii_compare(const char *a, const char *b)
{
    while (*a != '\0' && ascii_lower(*a) == ascii_lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)ascii_lower(*a) - (unsigned char)ascii_lower(*b);
}
