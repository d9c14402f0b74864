#include "crib/error.h"
#include "policy.pb-c.h"
