package lockfile

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Forever waits without a limit.
const Forever time.Duration = math.MaxInt64

// ErrInterrupted says that waiting was ended from outside.
var ErrInterrupted = errors.New("interrupted while waiting for the lock")

// BusyError says that somebody else holds the lock.
type BusyError struct {
	Path   string
	Holder string        // what the holder has written; "" if it has not
	Waited time.Duration // how long it was waited for
}

// Error names the holder.
func (e *BusyError) Error() string {
	text := fmt.Sprintf("the lock %s is held by ", e.Path)
	if e.Waited > 0 {
		text = fmt.Sprintf("after %s the lock %s is still held by ", e.Waited, e.Path)
	}
	if e.Holder == "" {
		return text + "a program that has not written its name there"
	}
	return text + e.Holder
}
