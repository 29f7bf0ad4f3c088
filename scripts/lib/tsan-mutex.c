// Tells ThreadSanitizer of the part of Swift's Mutex that it cannot see.
//
// A Mutex that is free is taken by atomic operations in our own code, which are instrumented. One
// that is held is waited for inside libswiftSynchronization, which is not: each lock that met
// another thread would be reported as no lock at all. scripts/sanitize loads this before the library.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define swift __attribute__((swiftcall))
#define self_register __attribute__((swift_context))

// Of ThreadSanitizer's runtime; absent in the programs that tests start.
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

typedef swift void (*lock_slow)(uint32_t, self_register void *);
typedef swift void (*unlock_slow)(self_register void *);

// _MutexHandle._lockSlow(_: UInt32)
swift void tsan_lock(uint32_t thread, self_register void *mutex) __asm__(
    "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
// _MutexHandle._unlockSlow()
swift void tsan_unlock(self_register void *mutex) __asm__(
    "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

swift void tsan_lock(uint32_t thread, self_register void *mutex) {
  static lock_slow real;
  if (!real)
    real = (lock_slow)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  real(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

swift void tsan_unlock(self_register void *mutex) {
  static unlock_slow real;
  if (!real)
    real = (unlock_slow)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
  if (__tsan_release) __tsan_release(mutex);
  real(mutex);
}
