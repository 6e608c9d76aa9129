/* Files: what is sent, and above all what is not. Each case runs with and without openat2(). */
#include "base/clock.h"
#include "http/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/http/peer.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
enum { BIG = 300000 };

static char top[] = "/tmp/srs_files_XXXXXX";
static char dir[64];

static void file_write(const char *name, size_t n)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", top, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		fputc('0' + (int)(i % 10), f);
	fclose(f);
}

static void name_in(char out[static 256], const char *name)
{
	snprintf(out, 256, "%s/%s", top, name);
}

static void link_make(const char *target, const char *name)
{
	char path[256];
	name_in(path, name);
	assert_int_equal(symlink(target, path), 0);
}

static int setup(void **state)
{
	static const char *const dirs[] = {"www",  "www/sub",     "www/empty",
					   "www2", "www/.hidden", "www/a b"};
	char path[256];
	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/www", top);
	for (size_t i = 0; i < LEN(dirs); i++) {
		name_in(path, dirs[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	file_write("secret", 6);
	file_write("www2/secret", 6);
	file_write("www/index.html", 10);
	file_write("www/a.txt", 100);
	file_write("www/A B.mp4", 5);
	file_write("www/zero", 0);
	file_write("www/.password", 5);
	file_write("www/.hidden/x", 5);
	file_write("www/sub/index.html", 20);
	file_write("www/a b/index.html", 7);
	file_write("www/big.flv", BIG);
	link_make("a.txt", "www/inside");
	link_make("../secret", "www/outside");
	link_make("../www2", "www/outdir");
	name_in(path, "secret");
	link_make(path, "www/absolute");
	link_make("/etc/passwd", "www/passwd");
	link_make("loop", "www/loop");
	name_in(path, "www/pipe");
	assert_int_equal(mkfifo(path, 0644), 0);
	return co_setup(state);
}

static int teardown(void **state)
{
	static const char *const names[] = {"www/pipe",
					    "www/loop",
					    "www/passwd",
					    "www/absolute",
					    "www/outdir",
					    "www/outside",
					    "www/inside",
					    "www/big.flv",
					    "www/a b/index.html",
					    "www/sub/index.html",
					    "www/.hidden/x",
					    "www/.password",
					    "www/zero",
					    "www/A B.mp4",
					    "www/a.txt",
					    "www/index.html",
					    "www2/secret",
					    "secret",
					    "www/a b",
					    "www/.hidden",
					    "www2",
					    "www/empty",
					    "www/sub",
					    "www",
					    ""};
	char path[256];
	for (size_t i = 0; i < LEN(names); i++) {
		name_in(path, names[i]);
		remove(path);
	}
	return co_teardown(state);
}

struct server {
	struct sock *sock;
	err end;
};

static void serve(void *arg)
{
	struct server *s = arg;
	struct http_conn *conn = http_conn_new(s->sock);
	struct http_message *m = NULL;
	s->end = http_recv_request(conn, &m, clock_after(PEER_MS));
	if (s->end == OK)
		s->end = http_send_file(s->sock, m, dir, "X-Extra: 1\r\n");
	http_message_free(&m);
	http_conn_free(&conn);
	sock_close_gently(&s->sock, 1000);
}

static const char *fetch(const char *method, const char *target, const char *headers,
			 struct buf *reply)
{
	struct sock *sock;
	struct server s;
	struct buf b = {.max = 8192};
	peer_pair(&sock, &s.sock);
	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", method, target,
		   headers);
	peer_send(sock, buf_text(&b));
	buf_free(&b);
	struct co *co = co_start("server", serve, &s);
	peer_recv_all(sock, reply);
	sock_close(&sock); /* the gentle close over there waits for it */
	co_join(&co);
	return buf_text(reply);
}

static int status_of(const char *reply)
{
	return reply[0] ? atoi(reply + strlen("HTTP/1.1 ")) : 0;
}

static const char *body_of(const char *reply)
{
	const char *end = strstr(reply, "\r\n\r\n");
	assert_non_null(end);
	return end + 4;
}

static const struct {
	const char *target;
	int status;
	const char *line;
	size_t length;
} rows[] = {
	{"/", 200, "Content-Type: text/html", 10},
	{"/index.html", 200, "Content-Type: text/html", 10},
	{"/a.txt?x=1", 200, "Content-Type: text/plain", 100},
	{"/A%20B.mp4", 200, "Content-Type: video/mp4", 5},
	{"/zero", 200, "Content-Type: application/octet-stream", 0},
	{"/sub/", 200, "Content-Type: text/html", 20},
	{"//sub//", 200, "Content-Type: text/html", 20},
	{"/inside", 200, "Content-Length: 100", 100},
	{"/big.flv", 200, "Content-Type: video/x-flv", BIG},
	{"/sub", 302, "Location: /sub/\r\n", 0},
	{"//sub?k=v", 302, "Location: /sub/?k=v\r\n", 0},
	{"/a%20b", 302, "Location: /a%20b/\r\n", 0},
	{"/empty/", 404, "Content-Type: text/plain", 0},
	{"/none", 404, "X-Extra: 1\r\n", 0},
	{"/a.txt/", 404, "", 0},
	{"/a.txt/b", 404, "", 0},
	{"/.password", 404, "", 0},
	{"/%2epassword", 404, "", 0},
	{"/.hidden/x", 404, "", 0},
	{"/outside", 404, "", 0},
	{"/outdir/secret", 404, "", 0},
	{"/outdir/", 404, "", 0},
	{"/outdir", 404, "", 0},
	{"/absolute", 404, "", 0},
	{"/passwd", 404, "", 0},
	{"/loop", 404, "", 0},
	{"/pipe", 404, "", 0},
	{"/../secret", 400, "", 0},
	{"/%2e%2e/secret", 400, "", 0},
	{"/sub/..%2f..%2fsecret", 400, "", 0},
	{"/a.txt%00.html", 400, "", 0},
	{"/%c0%ae%c0%ae/secret", 404, "", 0},
	{"/..%5csecret", 404, "", 0},
};

static void files_are_sent_and_nothing_outside_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * LEN(rows); i++) {
		size_t row = i / 2;
		struct buf b = {0};
		http_files_no_openat2 = i % 2;
		const char *reply = fetch("GET", rows[row].target, "", &b);
		if (status_of(reply) != rows[row].status)
			print_error("%s\n", rows[row].target);
		assert_int_equal(status_of(reply), rows[row].status);
		assert_non_null(strstr(reply, rows[row].line));
		if (rows[row].status == 200) {
			const char *body = body_of(reply);
			assert_int_equal(b.p + b.n - (const uint8_t *)body, rows[row].length);
			for (size_t k = 0; k < rows[row].length; k++)
				assert_int_equal(body[k], '0' + (int)(k % 10));
			assert_non_null(strstr(reply, "X-Extra: 1\r\n"));
		}
		buf_free(&b);
	}
	http_files_no_openat2 = false;
}

static const struct {
	const char *range;
	int status;
	const char *line, *body;
} ranges[] = {
	{"bytes=0-4", 206, "Content-Range: bytes 0-4/100\r\n", "01234"},
	{"bytes=95-", 206, "Content-Range: bytes 95-99/100\r\n", "56789"},
	{"bytes=-3", 206, "Content-Range: bytes 97-99/100\r\n", "789"},
	{"bytes=98-1000", 206, "Content-Range: bytes 98-99/100\r\n", "89"},
	{"bytes=99-99", 206, "Content-Length: 1\r\n", "9"},
	{"bytes=-1000", 206, "Content-Range: bytes 0-99/100\r\n", NULL},
	{"bytes=98-99999999999999999999999999", 206, "Content-Length: 2\r\n", "89"},
	{"bytes=100-", 416, "Content-Range: bytes */100\r\n", NULL},
	{"bytes=-0", 416, "Content-Range: bytes */100\r\n", NULL},
	{"bytes=99999999999999999999999999-", 416, "Content-Range: bytes */100\r\n", NULL},
	{"bytes=5-4", 200, "Content-Length: 100\r\n", NULL},
	{"bytes=0-1,3-4", 200, "Content-Length: 100\r\n", NULL},
	{"bytes=", 200, "Content-Length: 100\r\n", NULL},
	{"bytes=-", 200, "Content-Length: 100\r\n", NULL},
	{"bytes=a-b", 200, "Content-Length: 100\r\n", NULL},
	{"lines=0-1", 200, "Accept-Ranges: bytes\r\n", NULL},
	{"bytes=0-4\r\nIf-Range: \"old\"", 200, "Content-Length: 100\r\n", NULL},
};

static void single_ranges_are_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(ranges); i++) {
		struct buf b = {0};
		char header[128];
		snprintf(header, sizeof(header), "Range: %s\r\n", ranges[i].range);
		const char *reply = fetch("GET", "/a.txt", header, &b);
		assert_int_equal(status_of(reply), ranges[i].status);
		assert_non_null(strstr(reply, ranges[i].line));
		if (ranges[i].body)
			assert_string_equal(body_of(reply), ranges[i].body);
		buf_free(&b);
	}
}

static void a_range_across_pieces_is_exact(void **state)
{
	(void)state;
	struct buf b = {0};
	const char *body = body_of(fetch("GET", "/big.flv", "Range: bytes=65531-200004\r\n", &b));
	assert_int_equal(b.p + b.n - (const uint8_t *)body, 200005 - 65531);
	for (int k = 65531; k <= 200004; k++)
		assert_int_equal(body[k - 65531], '0' + k % 10);
	buf_free(&b);
}

static void head_and_other_methods_send_no_file(void **state)
{
	(void)state;
	struct buf b = {0};
	const char *reply = fetch("HEAD", "/big.flv", "", &b);
	assert_int_equal(status_of(reply), 200);
	assert_non_null(strstr(reply, "Content-Length: 300000\r\n"));
	assert_string_equal(body_of(reply), "");
	buf_clear(&b);
	reply = fetch("HEAD", "/none", "", &b);
	assert_int_equal(status_of(reply), 404);
	assert_string_equal(body_of(reply), "");
	buf_clear(&b);
	reply = fetch("POST", "/a.txt", "Content-Length: 0\r\n", &b);
	assert_int_equal(status_of(reply), 405);
	assert_non_null(strstr(reply, "Allow: GET, HEAD\r\n"));
	buf_free(&b);
}

static void line_value(char out[static 128], const char *reply, const char *name)
{
	const char *line = strstr(reply, name);
	assert_non_null(line);
	line += strlen(name) + 2;
	snprintf(out, 128, "%.*s", (int)strcspn(line, "\r"), line);
}

static void what_the_client_has_is_not_sent_again(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool etag;
		int status;
	} cases[] = {{"If-None-Match: %s\r\n", true, 304},
		     {"If-None-Match: \"x\", %s\r\n", true, 304},
		     {"If-None-Match: W/\"x\"\r\nIf-Modified-Since: %s\r\n", false, 200},
		     {"If-Modified-Since: %s\r\n", false, 304},
		     {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\nX: %s\r\n", false, 200},
		     {"If-Modified-Since: yesterday %s\r\n", false, 200},
		     {"Range: bytes=0-1\r\nIf-Range: %s\r\n", true, 206},
		     {"Range: bytes=0-1\r\nIf-Range: %s\r\n", false, 206}};
	struct buf b = {0};
	char etag[128], date[128];
	const char *reply = fetch("GET", "/a.txt", "", &b);
	line_value(etag, reply, "ETag");
	line_value(date, reply, "Last-Modified");
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf headers = {.max = 1024};
		const char *at = strstr(cases[i].header, "%s");
		buf_put(&headers, cases[i].header, (size_t)(at - cases[i].header));
		buf_printf(&headers, "%s%s", cases[i].etag ? etag : date, at + 2);
		buf_clear(&b);
		reply = fetch("GET", "/a.txt", buf_text(&headers), &b);
		if (status_of(reply) != cases[i].status)
			print_error("%s", buf_text(&headers));
		assert_int_equal(status_of(reply), cases[i].status);
		if (cases[i].status == 304)
			assert_string_equal(body_of(reply), "");
		buf_free(&headers);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_sent_and_nothing_outside_is),
		cmocka_unit_test(single_ranges_are_sent),
		cmocka_unit_test(a_range_across_pieces_is_exact),
		cmocka_unit_test(head_and_other_methods_send_no_file),
		cmocka_unit_test(what_the_client_has_is_not_sent_again),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
