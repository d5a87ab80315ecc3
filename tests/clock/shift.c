/* Preloaded by tests/clock/at.sh: shifts the time of day by TEST_CLOCK_SHIFT_S seconds, and no other clock. Programs that a
   program starts get it, too, also where it clears their environment, as is done for PostgreSQL. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift_s;
static char preload[4096] = "LD_PRELOAD=", shift[64] = "TEST_CLOCK_SHIFT_S=";

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("LD_PRELOAD"), *seconds = getenv("TEST_CLOCK_SHIFT_S");
    if (!file || !seconds) return;
    shift_s = (time_t)atol(seconds);
    strncat(preload, file, sizeof preload - strlen(preload) - 1);
    strncat(shift, seconds, sizeof shift - strlen(shift) - 1);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += shift_s;
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

int execve(const char *path, char *const argv[], char *const envp[]) {
    int (*real)(const char *, char *const[], char *const[]) = dlsym(RTLD_NEXT, "execve");
    int count = 0, there = 0;
    for (; envp && envp[count]; count++) there |= !strncmp(envp[count], "TEST_CLOCK_SHIFT_S=", 19);
    if (there || !shift_s) return real(path, argv, envp);
    char *more[count + 3]; /* no allocation: a child between fork and exec calls this */
    if (count) memcpy(more, envp, (size_t)count * sizeof *more);
    more[count] = preload;
    more[count + 1] = shift;
    more[count + 2] = NULL;
    return real(path, argv, more);
}
