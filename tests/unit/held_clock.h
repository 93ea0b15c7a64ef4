/* Stands before libc's clock_gettime, so that a test can hold the monotonic
 * clock: what is armed meanwhile is armed at one instant. */
#ifndef UNIT_HELD_CLOCK_H
#define UNIT_HELD_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t held_ms; /* 0: the clock runs */

int
clock_gettime(clockid_t id, struct timespec *t)
{
	if (held_ms == 0 || id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, t);
	t->tv_sec = held_ms / 1000;
	t->tv_nsec = held_ms % 1000 * 1000000;
	return 0;
}

#endif
