#include <seccomp.h>
#include "plan/plan.h"
#include "fd.h"
#include "../plan/plan.h"
