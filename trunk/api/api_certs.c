/* The certificates in use, and how handshakes go. */
#include "api/api_route.h"
#include "node/certs.h"

struct certs_listing {
	json_t *list;
	const char *service, *refused;
};

static void put_cert(void *ctx, const struct tls_cert_facts *facts)
{
	const struct certs_listing *listing = ctx;
	json_t *object = json_object(), *names = json_array();
	json_array_append_new(listing->list, object);
	json_put_text(object, "service", listing->service);
	json_put_text(object, "cert", facts->cert);
	json_object_set_new(object, "names", names);
	for (int i = 0; i < facts->name_count; i++) {
		json_t *name = json_string(facts->names[i]); /* NULL when it is not UTF-8 */
		json_array_append_new(names, name ? name : json_string("?"));
	}
	json_put_text(object, "kind", facts->kind);
	json_put_text(object, "serial", facts->serial);
	json_put_int(object, "not_before", facts->begins_s);
	json_put_int(object, "not_after", facts->ends_s);
	json_put_text(object, "refused", listing->refused);
}

enum api_code api_certificates(struct api_call *call)
{
	const struct tls_counts *counts = tls_counts();
	struct certs *certs = call->server->certs;
	json_t *list = json_array(), *shakes = json_put_object(call->answer, "handshakes");
	json_object_set_new(call->answer, "certificates", list);
	for (int i = 0; i < CERTS_COUNT; i++) {
		struct certs_listing listing = {list, certs_name((enum certs_of)i),
						certs_refused(certs, (enum certs_of)i)};
		tls_server_each(certs_server(certs, (enum certs_of)i), put_cert, &listing);
	}
	json_put_int(shakes, "accepted", counts->accepted);
	json_put_int(shakes, "resumed", counts->resumed);
	json_put_int(shakes, "kernel", counts->kernel);
	json_put_int(shakes, "refused", counts->refused);
	json_put_int(shakes, "timed_out", counts->timed_out);
	json_put_int(shakes, "plain", counts->plain);
	json_put_int(shakes, "open", counts->open);
	return API_OK;
}
