// The handler of a stand's jobs: `command WORKER`, with "MODE PAUSE" on its input. Writes down in the
// file `effects` beside it that a run starts and that it ends; its result names its run. In C, since a
// shell's start costs more than all else that a job does.
//
//   ok     succeeds        never  fails for good        retry  fails the first time
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAILED_FOR_GOOD = 65, TRY_AGAIN = 75, WRONG = 70 };

static const char *variable(const char *name) {
  const char *value = getenv(name);
  if (value == NULL) exit(WRONG);
  return value;
}

// In one write, so that lines of several runs do not mix.
static void note(const char *what, const char *worker) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s %s %s %s %ld.%02ld\n", what, variable("BELFRY_JOB_ID"),
                        variable("BELFRY_ASSIGNMENT"), variable("BELFRY_JOB_ATTEMPT"), worker,
                        (long)now.tv_sec, now.tv_nsec / 10000000);
  int file = open("effects", O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0 || write(file, line, length) != length || close(file) != 0) exit(WRONG);
}

int main(int count, char **arguments) {
  char mode[16];
  double pause;
  if (count != 2 || chdir(dirname(arguments[0])) != 0) return WRONG;
  if (scanf("%15s %lf", mode, &pause) != 2) return WRONG;
  note("start", arguments[1]);
  struct timespec left = {(time_t)pause, (long)((pause - (time_t)pause) * 1e9)};
  if (pause > 0) nanosleep(&left, NULL);
  int status = 0;
  if (strcmp(mode, "never") == 0) status = FAILED_FOR_GOOD;
  if (strcmp(mode, "retry") == 0) {
    char path[256];
    snprintf(path, sizeof path, "failed/%s", variable("BELFRY_JOB_ID"));
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file >= 0) status = TRY_AGAIN;
  }
  note("end", arguments[1]);
  printf("%s %s", variable("BELFRY_JOB_ID"), variable("BELFRY_ASSIGNMENT"));
  return status;
}
