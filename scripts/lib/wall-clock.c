// Moves the wall clock of one process, and nothing else: LD_PRELOAD this, and write so many seconds as
// text into the file that BELFRY_WALL_CLOCK names, at any time. Monotonic clocks stay true.
//
// Waits until a point of wall time end when that point is there by the moved clock, as they do when a
// machine's clock is set. libfaketime cannot be used: it changes the environment before a Swift
// program has found its arguments, which it then does not find.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// A wait looks so often whether the clock was moved.
enum { SLICE_NANOSECONDS = 20 * 1000 * 1000, SECOND = 1000 * 1000 * 1000 };

static long moved_by(void) {
  static __thread int is_inside;
  char text[32];
  long seconds = 0;
  const char *path = getenv("BELFRY_WALL_CLOCK");
  if (path == NULL || is_inside) return 0;
  is_inside = 1;
  int saved = errno, file = open(path, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    ssize_t count = read(file, text, sizeof text - 1);
    if (count > 0) {
      text[count] = 0;
      seconds = strtol(text, NULL, 10);
    }
    close(file);
  }
  errno = saved;
  is_inside = 0;
  return seconds;
}

static struct timespec true_time(void) {
  struct timespec time;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &time);
  return time;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*next)(clockid_t, struct timespec *);
  if (next == NULL) next = dlsym(RTLD_NEXT, "clock_gettime");
  int result = next(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += moved_by();
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now = true_time();
  time->tv_sec = now.tv_sec + moved_by();
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  time_t now = true_time().tv_sec + moved_by();
  if (result != NULL) *result = now;
  return now;
}

static int is_before(struct timespec a, struct timespec b) {
  return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

// The end of the next slice of a wait until `end`, which is of the moved clock; of the true one.
static struct timespec slice(const struct timespec *end) {
  struct timespec now = true_time(), last = *end, next = now;
  last.tv_sec -= moved_by();
  next.tv_nsec += SLICE_NANOSECONDS;
  if (next.tv_nsec >= SECOND) {
    next.tv_sec += 1;
    next.tv_nsec -= SECOND;
  }
  return is_before(last, next) ? last : next;
}

static int is_over(const struct timespec *end) {
  struct timespec now = true_time();
  now.tv_sec += moved_by();
  return !is_before(now, *end);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict end) {
  static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (next == NULL) next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  // A condition may be bound to the monotonic clock, whose seconds are few: those of an uptime.
  if (end->tv_sec < SECOND) return next(condition, mutex, end);
  for (;;) {
    struct timespec until = slice(end);
    int result = next(condition, mutex, &until);
    if (result != ETIMEDOUT || is_over(end)) return result;
  }
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict end) {
  static int (*next)(sem_t *, const struct timespec *);
  if (next == NULL) next = dlsym(RTLD_NEXT, "sem_timedwait");
  for (;;) {
    struct timespec until = slice(end);
    int result = next(semaphore, &until);
    if (result == 0 || errno != ETIMEDOUT || is_over(end)) return result;
  }
}
