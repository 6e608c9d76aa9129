/* Directives of SRS that have no member here. What is inside their blocks is not looked at. LACKING
 * refuses to start with something that a person asked for and would not get; IDLE only says that it
 * changes nothing. */
#include "conf/schema_rows.h"

static const struct row rows[] = {
	LACKING("asprocess", "Ending together with the parent process."),
	LACKING("inotify_auto_reload", "Reading the configuration again when its file changes."),
	LACKING("is_full", "The mark of a sample file that is not meant to be run."),
	LACKING("tencentcloud_apm", "Tracing to a cloud service."),
	LACKING("tencentcloud_cls", "Logging to a cloud service."),
	IDLE("ff_log_dir", "What ffmpeg last said is told by the API (/api/v1/children)."),
	IDLE("empty_ip_ok", "Connections without a peer address are always dropped."),
	IDLE("in_docker", "Containers are treated as any other system."),
	IDLE("disable_daemon_for_docker", "Use 'daemon off' in a container."),
	IDLE("auto_reload_for_docker", "Use SIGHUP to reload."),
	IDLE("tcmalloc_release_rate", "The allocator is the one of libc."),
	IDLE("query_latest_version", "This server never phones home."),
	IDLE("first_wait_for_qlv", "This server never phones home."),
	IDLE("threads", "There is one thread that serves."),
	IDLE("circuit_breaker", "It concerns WebRTC only."),
	LACKING("vhost.dash", "MPEG-DASH."),
	LACKING("vhost.hds", "Adobe HDS."),
	LACKING("vhost.refer_play", "Checking the page that embeds a player."),
	LACKING("vhost.refer_publish", "Checking the page that embeds a publisher."),
	LACKING("vhost.http_static", "Files under a path of this vhost."),
	LACKING("vhost.bandcheck", "Measuring the bandwidth of a client."),
	IDLE("vhost.nack", "It concerns WebRTC only."),
	IDLE("vhost.twcc", "It concerns WebRTC only."),
	IDLE("http_api.raw_api.allow_query", "It was removed from SRS."),
	IDLE("http_api.raw_api.allow_update", "It was removed from SRS."),
};

SCHEMA_PART(schema_srs, rows);
