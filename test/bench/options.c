/* The command line, and URLs. */
#include "bench.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct options opt = {
	.mode = MODE_PLAY_RTMP,
	.count = 1,
	.ramp = 1000,
	.seconds = 10,
	.warm = 2,
	.patience = 30,
	.kbps = 880,
	.fps = 30,
	.audio = 43,
	.gop = 2,
	.chunk_size = 4096,
	.nap_ms = -1,
	.stall_ms = 1000,
	.name = "",
};

static const char usage[] =
	"Usage: srs_bench -m MODE -u URL [option ...]\n"
	"Puts load on a live-streaming server and reports what it delivers.\n"
	"\n"
	"  -m, --mode=MODE    play-rtmp, play-flv, publish, idle (connects and is silent; with an\n"
	"                     http URL it asks once), sink (tcp://, takes whatever comes), or "
	"probe\n"
	"                     (asks the http URL each 5 ms; latency is that of the answers)\n"
	"                     publish to a tcp:// URL sends the messages without a conversation\n"
	"  -u, --url=URL      rtmp://host/app/stream or http://host/app/stream.flv; %d in it "
	"becomes\n"
	"                     the number of the connection\n"
	"  -n, --count=N      connections (1)\n"
	"      --first=K      %d begins with K (0)\n"
	"      --streams=N    %d goes round after N\n"
	"  -r, --ramp=N       new connections a second (1000; 0: all at once)\n"
	"  -t, --seconds=S    how long to measure (10; 0: until a signal)\n"
	"  -w, --warm=S       between the last start and the measuring (2)\n"
	"      --patience=S   how long to wait for those that do not start (30)\n"
	"      --edge         play-rtmp: says that it is an edge server\n"
	"      --kbps=N       publish: bit rate of each (880), sound included\n"
	"      --fps=N        publish: pictures a second (30), 0 for none\n"
	"      --audio=N      publish: sounds a second (43), 0 for none\n"
	"      --gop=S        publish: from one key frame to the next (2)\n"
	"      --chunk=N      publish: RTMP chunk size (4096)\n"
	"      --stall=MS     a longer gap between two arrivals is a stall (1000)\n"
	"      --nap=MS       look for arrivals so often (0: at once; from 100 connections on 1): "
	"a\n"
	"                     reader that sleeps in the kernel must be woken by each send, and on\n"
	"                     one machine the server pays for that\n"
	"      --sample=K     each K-th player reads all messages and measures latency, the "
	"others\n"
	"                     only count bytes (about a hundred read all; 1: everyone)\n"
	"  -p, --watch=PID    report CPU and memory of this process, too; may be repeated\n"
	"  -j, --json         one JSON object instead of text\n"
	"      --name=TEXT    its name in the JSON object\n"
	"\n"
	"Latency is from the moment a publisher of this program sends a message to the moment the\n"
	"last byte of it is read by a player: both must run on one machine.\n";

static bool take_mode(const char *text)
{
	static const char *names[] = {"play-rtmp", "play-flv", "publish", "idle", "sink", "probe"};
	for (int i = 0; i < 6; i++)
		if (strcmp(text, names[i]) == 0) {
			opt.mode = (enum mode)i;
			return true;
		}
	return false;
}

static bool take_number(double *out, const char *text)
{
	char *end;
	*out = strtod(text, &end);
	return end != text && !*end && *out >= 0 && *out <= 1e9;
}

enum {
	OPT_FIRST = 256,
	OPT_STREAMS,
	OPT_PATIENCE,
	OPT_KBPS,
	OPT_FPS,
	OPT_AUDIO,
	OPT_GOP,
	OPT_CHUNK,
	OPT_STALL,
	OPT_SAMPLE,
	OPT_NAME,
	OPT_EDGE,
	OPT_NAP,
};

static const struct option longs[] = {
	{"mode", 1, NULL, 'm'},
	{"url", 1, NULL, 'u'},
	{"count", 1, NULL, 'n'},
	{"first", 1, NULL, OPT_FIRST},
	{"streams", 1, NULL, OPT_STREAMS},
	{"ramp", 1, NULL, 'r'},
	{"seconds", 1, NULL, 't'},
	{"warm", 1, NULL, 'w'},
	{"patience", 1, NULL, OPT_PATIENCE},
	{"kbps", 1, NULL, OPT_KBPS},
	{"fps", 1, NULL, OPT_FPS},
	{"audio", 1, NULL, OPT_AUDIO},
	{"gop", 1, NULL, OPT_GOP},
	{"chunk", 1, NULL, OPT_CHUNK},
	{"stall", 1, NULL, OPT_STALL},
	{"sample", 1, NULL, OPT_SAMPLE},
	{"watch", 1, NULL, 'p'},
	{"json", 0, NULL, 'j'},
	{"name", 1, NULL, OPT_NAME},
	{"nap", 1, NULL, OPT_NAP},
	{"edge", 0, NULL, OPT_EDGE},
	{"help", 0, NULL, 'h'},
	{0},
};

/* A number for one of the options that are plain numbers; NULL: it is none of those. */
static bool take_value(int c, double v)
{
	switch (c) {
	case 'n':
		opt.count = (int)v;
		return v >= 1 && v <= 1000000;
	case 'r':
		opt.ramp = v;
		return true;
	case 't':
		opt.seconds = v;
		return true;
	case 'w':
		opt.warm = v;
		return true;
	case 'p':
		if (opt.watch_count < 8)
			opt.watch[opt.watch_count++] = (int)v;
		return v >= 1;
	case OPT_FIRST:
		opt.first = (int)v;
		return true;
	case OPT_STREAMS:
		opt.streams = (int)v;
		return true;
	case OPT_PATIENCE:
		opt.patience = v;
		return true;
	case OPT_KBPS:
		opt.kbps = (int)v;
		return v <= 1000000;
	case OPT_FPS:
		opt.fps = (int)v;
		return v <= 1000;
	case OPT_AUDIO:
		opt.audio = (int)v;
		return v <= 1000;
	case OPT_GOP:
		opt.gop = v;
		return true;
	case OPT_CHUNK:
		opt.chunk_size = (int)v;
		return v >= 128 && v <= 0xFFFFFF;
	case OPT_NAP:
		opt.nap_ms = v;
		return v <= 1000;
	case OPT_STALL:
		opt.stall_ms = v;
		return true;
	case OPT_SAMPLE:
		opt.sample = (int)v;
		return true;
	default:
		return false;
	}
}

static bool take_option(int c)
{
	double v;
	switch (c) {
	case 'm':
		return take_mode(optarg);
	case 'u':
		opt.url = optarg;
		return true;
	case 'j':
		opt.json = true;
		return true;
	case OPT_NAME:
		opt.name = optarg;
		return true;
	case OPT_EDGE:
		opt.edge = true;
		return true;
	case '?':
		return false;
	default:
		return take_number(&v, optarg) && take_value(c, v);
	}
}

bool options_read(int argc, char **argv)
{
	int c;
	while ((c = getopt_long(argc, argv, "m:u:n:r:t:w:p:jh", longs, NULL)) != -1) {
		if (c == 'h') {
			printf("%s", usage);
			exit(0);
		}
		if (!take_option(c)) {
			if (c != '?')
				fprintf(stderr, "srs_bench: bad value: %s\n", optarg);
			return false;
		}
	}
	if (!opt.url || optind < argc) {
		fprintf(stderr, "%s", usage);
		return false;
	}
	if (opt.nap_ms < 0)
		opt.nap_ms = opt.count < 100 ? 0 : 1;
	if (!opt.sample)
		opt.sample = opt.count > 100 ? opt.count / 100 : 1;
	return true;
}

bool url_read(struct url *url, const char *text)
{
	const char *host = strstr(text, "://");
	if (!host || (size_t)(host - text) >= sizeof(url->scheme))
		return false;
	memset(url, 0, sizeof(*url));
	memcpy(url->scheme, text, (size_t)(host - text));
	host += 3;
	size_t n = strcspn(host, "/"), port = strcspn(host, ":/");
	if (port >= sizeof(url->host))
		return false;
	memcpy(url->host, host, port);
	if (host[port] == ':')
		snprintf(url->port, sizeof(url->port), "%.*s", (int)(n - port - 1),
			 host + port + 1);
	else
		snprintf(url->port, sizeof(url->port), "%s",
			 strcmp(url->scheme, "http") ? "1935" : "80");
	const char *path = host + n + (host[n] == '/'), *query = strchr(path, '?');
	const char *end = query ? query : path + strlen(path), *slash = end;
	while (slash > path && slash[-1] != '/')
		slash--;
	snprintf(url->stream, sizeof(url->stream), "%s", slash);
	snprintf(url->app, sizeof(url->app), "%.*s", slash > path ? (int)(slash - path - 1) : 0,
		 path);
	return true;
}
