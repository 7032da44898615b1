// Package fdwrite writes to descriptors that somebody else has made, and may not read from.
package fdwrite
