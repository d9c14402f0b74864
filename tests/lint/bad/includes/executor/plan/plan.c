#include "base/fd.h"
#include <seccomp.h>
#include "cli/run.h"
#include "crib/crib.h"
