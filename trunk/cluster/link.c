#include "cluster/link.h"

const struct link_ops *link_sends(const struct conf_cluster *conf)
{
	bool tls = conf->protocol == PROTOCOL_RTMPS || conf->protocol == PROTOCOL_FLVS;
	return tls ? &link_rtmps : &link_rtmp;
}

const struct text_list *link_send_origins(const struct conf_cluster *conf)
{
	return conf->push_origin.count ? &conf->push_origin : &conf->origin;
}

const struct link_ops *link_fetches(const struct conf_cluster *conf, bool http)
{
	bool flv = conf->protocol == PROTOCOL_FLV || conf->protocol == PROTOCOL_FLVS ||
		   (conf->follow_client && http);
	if (!flv)
		return link_sends(conf);
	return link_sends(conf)->tls ? &link_flvs : &link_flv;
}

err link_open(struct link **out, const struct link_opts *opts, struct link_refusal *said)
{
	*out = NULL;
	*said = (struct link_refusal){0};
	return opts->request->protocol->open(out, opts, said);
}

void link_take(struct link *l, struct link_media *out, struct msg *msg, uint32_t raw)
{
	out->raw = raw;
	out->msg = msg;
	if (!msg)
		return;
	if (encoder_time_read(&l->encoder_time, msg))
		msg_unref(&out->msg);
	else
		encoder_time_note(&l->encoder_time, msg, raw);
}

void link_free(struct link **link)
{
	struct link *l = *link;
	*link = NULL;
	if (l)
		l->ops->free(l);
}
