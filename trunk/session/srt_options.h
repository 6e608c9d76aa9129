/* srt_options - what the configuration says of SRT connections. Layer: session. */
#pragma once
#include "conf/conf.h"
#include "srt/options.h"

/* Of those for that vhost; NULL: for a port, before it is known. Texts are borrowed from the configuration. Pure:
 * on any thread, as long as the configuration is held. */
struct srt_options srt_options_of(const struct conf *conf, const struct conf_vhost *vhost);
