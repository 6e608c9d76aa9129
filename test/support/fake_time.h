/* fake_time - time that passes only when everybody waits. Layer: test.
 * Test programs have a clock and a poll() of their own. While the fake lasts, time stands still while
 * code runs, and a wait for which nothing is ready makes it jump to its end: what depends on time alone
 * takes no time, and happens at the very millisecond, on a machine under any load. What helper threads do
 * (co_offload()) is waited for. Not for what the network or other processes have yet to do. */
#pragma once
#include <stdint.h>

/* At a round moment ahead: what happens at a multiple of some period happens alike each time. */
void fake_time_begin(void);
/* Real time goes on from where the fake one has come to. Nothing when there is no fake. */
void fake_time_end(void);
/* As if the code that runs had taken so long. */
void fake_time_pass(int64_t ms);
/* So long, and more, is over in real time: for what waits for time and for other processes by turns. */
void fake_time_skip(int64_t ms);
