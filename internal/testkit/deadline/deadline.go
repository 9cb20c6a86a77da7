// Package deadline says how long the tests wait for what must come, in one
// place for all of them. A test that passes does not wait so long, so the time
// is one for a machine that has much else to do.
package deadline

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// Factor is the environment variable that multiplies Long.
const Factor = "TEST_PATIENCE"

// Long bounds every wait for an event.
var Long = stretched(time.Minute, os.Getenv(Factor))

func stretched(d time.Duration, factor string) time.Duration {
	if factor == "" {
		return d
	}
	n, err := strconv.Atoi(factor)
	if err != nil || n < 1 {
		panic(fmt.Sprintf("%s is %q, want a whole number above 0", Factor, factor))
	}
	return d * time.Duration(n)
}
