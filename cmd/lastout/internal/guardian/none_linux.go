//go:build !amd64 && !arm64

package guardian

// On this processor nothing runs before the runtime: the role is Unknown, and none of this is
// called.

func take(*signalInfo, bool) bool { return false }

func suspend(int32, bool) {}

func catch() {}

func hiddenAt(int) *byte { return nil }
