/* Callgrind's client requests, for a process that wants only a part of itself counted.
   Outside valgrind both functions do nothing. */
#include <valgrind/callgrind.h>

void riata_callgrind_start(void) { CALLGRIND_START_INSTRUMENTATION; }
void riata_callgrind_stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
