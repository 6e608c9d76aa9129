/* What a client's object says for those who follow it through the cluster, or ask why it is late. */
#include "api/api_route.h"
#include "cluster/relay_facts.h"

/* `relay` is the id of the pull or push at the other end, as the stream's object has it there. */
void api_put_trace(json_t *object, const struct client *c)
{
	json_t *trace = json_put_object(object, "trace");
	json_put_text(trace, "id", client_trace(c));
	json_put_text(trace, "relay", c->hop ? c->hop->relay : "");
	json_put_int(trace, "first_frame_ms", c->first_ms ? c->first_ms - client_asked_ms(c) : -1);
	json_put_int(trace, "lag_ms", c->cursor && c->cursor->wire ? cursor_lag(c->cursor) : 0);
	json_put_int(trace, "skips", client_skips(c) > 0 ? client_skips(c) : 0);
}

void api_put_hop(json_t *relay, const struct relay_facts *facts)
{
	json_put_text(relay, "id", facts->id);
	json_put_text(relay, "api", facts->api);
}
