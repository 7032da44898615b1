//go:build !linux || !(amd64 || arm64)

package clone

// Possible says that there is assembly for this processor.
const Possible = false
