/* Merlon: machine learning among people and machines that need not trust each other.
 * This header includes all others. Link with -lmerlon (pkg-config merlon). */
#ifndef MERLON_MERLON_H
#define MERLON_MERLON_H

#include "merlon/audit.h"
#include "merlon/context.h"
#include "merlon/frame.h"
#include "merlon/log.h"
#include "merlon/model.h"
#include "merlon/pseudonyms.h"
#include "merlon/report.h"
#include "merlon/runs.h"
#include "merlon/scratch.h"
#include "merlon/seal.h"
#include "merlon/status.h"
#include "merlon/trust.h"

#endif
