#include "crib/crib.h"
#include "plan/plan.def"
#include "plan/plan.h"
