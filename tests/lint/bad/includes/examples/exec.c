#include "crib/crib.h"
#include "base/fd.h"
#include "own.pb-c.h"
#include "policy.pb-c.h"
