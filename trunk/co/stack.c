/* Stacks. The library maps them and leaves a page free below each, unprotected: an overflow would
 * silently overwrite the neighbour. The program is linked with --wrap=mmap, so that this file sees
 * each stack being born: it protects that page and tells valgrind and the sanitizers where the
 * stack lies. A mapping without its guard (there is a limit on mappings per process, at about
 * 32,000 stacks) still works.
 *
 * AddressSanitizer must know on which stack it is; it is told in the library's switch callback.
 * That callback is not made at a coroutine's first run, hence stack_entered(). */
#include "base/asan.h"
#include "co/inside.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) ((void)0)
#endif

enum { BELOW = 1024 }; /* the calls that are being made */

static bool watching;

void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t at);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t at);
static void stack_born(char *low, size_t size);

void stack_watch(bool on)
{
	watching = on;
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t at)
{
	void *p = __real_mmap(addr, size, prot, flags, fd, at);
	size_t page = (size_t)getpagesize();
	if (!watching || p == MAP_FAILED || size < STACK_SIZE)
		return p;
	(void)mprotect(p, page, PROT_NONE);
	(void)VALGRIND_STACK_REGISTER((char *)p + page, (char *)p + size - 1);
	stack_born((char *)p + page, size - page);
	return p;
}

#if HAVE_ASAN
#include "base/check.h"
#include "base/vec.h"
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#include <string.h>

const char *__asan_default_options(void);

/* Its fake stacks would have to be switched too. */
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0";
}

static struct stack_bounds *known; /* sorted */
static size_t known_count, known_room;
static struct stack_bounds *roots; /* neighbouring stacks as one */
static size_t root_count, root_room;
enum { ROOT_GAP = 64 * 1024 };
static int self_key = -1;

static size_t known_above(const void *p)
{
	size_t low = 0, high = known_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if ((const char *)known[mid].low <= (const char *)p)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What LeakSanitizer searches for pointers. It reads the list of all mappings anew for each region,
 * so neighbouring stacks, guard pages between them or not, are one. */
static void root_add(char *low, size_t size)
{
	for (size_t i = 0; i < root_count; i++) {
		char *from = (char *)(uintptr_t)roots[i].low, *to = from + roots[i].size;
		char *below = low < from ? low : from;
		char *above = low + size > to ? low + size : to;
		if ((size_t)(above - below) > roots[i].size + size + ROOT_GAP)
			continue;
		__lsan_unregister_root_region(from, roots[i].size);
		roots[i] = (struct stack_bounds){below, (size_t)(above - below)};
		__lsan_register_root_region(below, roots[i].size);
		return;
	}
	vec_reserve(roots, root_room, root_count + 1);
	roots[root_count++] = (struct stack_bounds){low, size};
	__lsan_register_root_region(low, size);
}

static void stack_born(char *low, size_t size)
{
	vec_reserve(known, known_room, known_count + 1);
	size_t i = known_above(low);
	memmove(known + i + 1, known + i, (known_count - i) * sizeof(*known));
	known[i] = (struct stack_bounds){low, size};
	known_count++;
	root_add(low, size);
}

__attribute__((no_sanitize("address"))) static void announce(const struct stack_bounds *stack)
{
	__sanitizer_start_switch_fiber(NULL, stack->low, stack->size);
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
}

static void switched_in(void)
{
	const struct co *co = st_thread_getspecific(self_key);
	if (co)
		announce(&co->stack);
}

__attribute__((no_sanitize("address"))) void stack_entered(struct co *co)
{
	size_t i = known_above(__builtin_frame_address(0));
	check(i > 0);
	co->stack = known[i - 1];
	announce(&co->stack);
	/* The stack may carry the poison of its last owner. */
	const char *low = co->stack.low;
	const char *here = __builtin_frame_address(0);
	__asan_unpoison_memory_region(low, (size_t)(here - low) - 512);
	st_thread_setspecific(self_key, co);
}

void stack_init(struct co *root)
{
	pthread_attr_t attr;
	void *low;
	size_t size;
	if (self_key < 0) {
		check(st_key_create(&self_key, NULL) == 0);
		st_set_switch_in_cb(switched_in);
	}
	check(pthread_getattr_np(pthread_self(), &attr) == 0);
	check(pthread_attr_getstack(&attr, &low, &size) == 0);
	pthread_attr_destroy(&attr);
	root->stack = (struct stack_bounds){low, size};
	st_thread_setspecific(self_key, root);
}
/* Freed pages would keep their poison. */
void co_trim(void)
{
}
#else
static void stack_born(char *low, size_t size)
{
	(void)low;
	(void)size;
}

void stack_entered(struct co *co)
{
	co->entry = __builtin_frame_address(0);
}

void co_trim(void)
{
	const struct co *co = co_self();
	uintptr_t page = (uintptr_t)getpagesize();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	if (!co->entry)
		return;
	/* One page further from the guard than it must be. */
	uintptr_t low = ((uintptr_t)co->entry - STACK_SIZE + 2 * page) / page * page;
	uintptr_t high = (here - BELOW) / page * page;
	if (high > low)
		(void)madvise((void *)low, high - low, MADV_DONTNEED);
}

void stack_init(struct co *root)
{
	(void)root;
}
#endif
