#include "service/srt_session.h"
err srt_publish_run(struct srt_session *session)
{
	(void)session;
	return err_fail(ERR_DENIED, "tmp");
}
