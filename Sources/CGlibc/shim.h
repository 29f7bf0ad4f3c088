#pragma once
// What glibc (2.34 and newer) declares only under _GNU_SOURCE, without which Swift's module of it is
// built.
#include <pthread.h>
#include <spawn.h>

#ifndef POSIX_SPAWN_SETSID
#define POSIX_SPAWN_SETSID 0x80
#endif

int pipe2(int ends[2], int flags);
int posix_spawn_file_actions_addchdir_np(
    posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int pthread_setname_np(pthread_t thread, const char *name);
