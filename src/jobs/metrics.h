#ifndef JOBS_METRICS_H
#define JOBS_METRICS_H

#include "base/err.h"

/* GET /metrics and /healthz on 127.0.0.1, at the port of the settings; none is
 * opened for port 0. ERR_INTERNAL if the port cannot be had. */
NODISCARD enum err metrics_start(void);
void metrics_stop(void);

#endif
