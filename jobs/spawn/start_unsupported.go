//go:build !linux

package spawn

import "errors"

// Start needs Linux.
func Start(*Attr) (int, error) { return 0, errors.ErrUnsupported }
