/* The layer in a program that is built without libsrt: nothing can be opened. */
#ifndef WITH_SRT
#include "srt/port.h"

#include <unistd.h>

static err absent(void)
{
	return err_fail(ERR_SYSTEM, "this program was built without SRT");
}

bool srt_bridge_is_built(void)
{
	return false;
}

bool srt_bridge_is_on(void)
{
	return false;
}

const char *srt_bridge_version(void)
{
	return "";
}

err srt_bridge_start(void)
{
	return absent();
}

void srt_bridge_stop(void)
{
}

err srt_port_open(struct srt_port **out, const struct srt_port_opts *opts)
{
	(void)out;
	close(opts->fd);
	return absent();
}

void srt_port_close(struct srt_port **port)
{
	(void)port;
}

err srt_port_accept(struct srt_port *port, struct srt_link **out)
{
	(void)port;
	(void)out;
	return ERR_AGAIN;
}

err srt_port_share(struct srt_port *port, bool on)
{
	(void)port;
	(void)on;
	return absent();
}

uint32_t srt_port_newest(const struct srt_port *port)
{
	(void)port;
	return 0;
}

uint32_t srt_link_number(const struct srt_link *link)
{
	(void)link;
	return 0;
}

err srt_link_connect(struct srt_link **out, const struct addr *to, const char *stream_id,
		     const struct srt_options *options)
{
	(void)out;
	(void)to;
	(void)stream_id;
	(void)options;
	return absent();
}

void srt_link_close(struct srt_link **link)
{
	*link = NULL;
}

void srt_link_attach(struct srt_link *link)
{
	(void)link;
}

err srt_link_recv(struct srt_link *link, void *out, size_t room, size_t *n)
{
	(void)link;
	(void)out;
	(void)room;
	*n = 0;
	return ERR_CLOSED;
}

err srt_link_send(struct srt_link *link, const void *p, size_t n)
{
	(void)link;
	(void)p;
	(void)n;
	return ERR_CLOSED;
}

bool srt_link_is_writable(const struct srt_link *link)
{
	(void)link;
	return false;
}

bool srt_link_is_gone(const struct srt_link *link)
{
	(void)link;
	return true;
}

const struct addr *srt_link_peer(const struct srt_link *link)
{
	static const struct addr nobody;
	(void)link;
	return &nobody;
}

const char *srt_link_stream_id(const struct srt_link *link)
{
	(void)link;
	return "";
}

int64_t srt_link_heard_ms(const struct srt_link *link)
{
	(void)link;
	return 0;
}

int64_t srt_link_sent_ms(const struct srt_link *link)
{
	(void)link;
	return 0;
}

int64_t srt_link_recv_bytes(const struct srt_link *link)
{
	(void)link;
	return 0;
}

int64_t srt_link_send_bytes(const struct srt_link *link)
{
	(void)link;
	return 0;
}

int srt_link_payload_size(const struct srt_link *link)
{
	(void)link;
	return 0;
}

bool srt_link_is_encrypted(const struct srt_link *link)
{
	(void)link;
	return false;
}

void srt_link_figures(struct srt_link *link, struct srt_figures *out)
{
	(void)link;
	*out = (struct srt_figures){0};
}
#else
typedef int nothing;
#endif
