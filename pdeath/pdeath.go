package pdeath

import "errors"

// ErrParentGone says that the parent had died before the call could take effect: no signal or event
// will follow.
var ErrParentGone = errors.New("the parent is gone already")
