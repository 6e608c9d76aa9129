/* Memory of records. An SSL object takes 17 KB for each record that it reads or writes and gives them
 * back at once (SSL_MODE_RELEASE_BUFFERS); in a handshake it has three of them while small things are
 * allocated around, so that the allocator would be left with holes of that size: 13 KB a player were
 * measured. So these pieces come from a range of addresses of their own, in which a few that were given
 * back last are kept for the next record, and the memory of the others goes back to the kernel. */
#include "base/asan.h"
#include "net/tls_inside.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PIECE = 24 *
		1024, /* a record with its surroundings: 17 KB; a handshake's messages: 22 KB */
	LEAST = 12 * 1024, /* what is smaller is the allocator's */
	PIECES = 64 * 1024,
	KEPT = 32, /* with their memory */
};

/* Index of the next one in a piece that is free. */
static struct {
	char *range;
	pthread_mutex_t lock; /* certificates are read on helper threads */
	uint32_t *next;       /* by piece: the one below it in its stack, + 1 */
	uint32_t warm, cold;  /* tops of stacks, + 1: with memory, without */
	int warm_count;
	uint32_t used; /* pieces that were ever taken */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_piece(const void *p)
{
	return pool.range && (const char *)p >= pool.range &&
	       (const char *)p < pool.range + (size_t)PIECE * PIECES;
}

static void *take(void)
{
	uint32_t top = 0;
	pthread_mutex_lock(&pool.lock);
	if (pool.warm) {
		top = pool.warm;
		pool.warm = pool.next[top - 1];
		pool.warm_count--;
	} else if (pool.cold) {
		top = pool.cold;
		pool.cold = pool.next[top - 1];
	} else if (pool.used < PIECES) {
		top = ++pool.used;
	}
	pthread_mutex_unlock(&pool.lock);
	return top ? pool.range + (size_t)PIECE * (top - 1) : NULL;
}

static void give(void *p)
{
	uint32_t index = (uint32_t)(((char *)p - pool.range) / PIECE);
	pthread_mutex_lock(&pool.lock);
	uint32_t *stack = pool.warm_count < KEPT ? &pool.warm : &pool.cold;
	if (stack == &pool.warm)
		pool.warm_count++;
	else
		(void)madvise(p, PIECE, MADV_DONTNEED);
	pool.next[index] = *stack;
	*stack = index + 1;
	pthread_mutex_unlock(&pool.lock);
}

static void *on_malloc(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	void *p = n >= LEAST && n <= PIECE ? take() : NULL;
	return p ? p : malloc(n);
}

static void on_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	if (is_piece(p))
		give(p);
	else
		free(p);
}

static void *on_realloc(void *p, size_t n, const char *file, int line)
{
	if (!is_piece(p))
		return realloc(p, n);
	if (n > 0 && n <= PIECE)
		return p;
	void *fresh = n ? malloc(n) : NULL;
	if (fresh)
		memcpy(fresh, p, PIECE);
	if (fresh || n == 0)
		on_free(p, file, line);
	return fresh;
}

/* Sanitizers look at what lies around each allocation, so they get their own. */
#define POOLED !HAVE_ASAN

void tls_memory_init(void)
{
	if (!POOLED)
		return;
	size_t bytes = (size_t)PIECE * PIECES, list = sizeof(uint32_t) * PIECES;
	void *range = mmap(NULL, bytes + list, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (range == MAP_FAILED)
		return;
	if (CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) != 1) {
		munmap(range, bytes + list); /* too late: it has allocated something already */
		return;
	}
	pool.next = (uint32_t *)(void *)((char *)range + bytes);
	pool.range = range;
}
