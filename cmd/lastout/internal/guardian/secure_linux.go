package guardian

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Keys of getauxval(3). After the real user come the effective one, and the groups.
const (
	atUID    = 11
	atSecure = 23
)

const setUserID = "it must not be set-user-ID or set-group-ID: who may run it could run anything; use sudo"

// Secure reports whether the kernel has given us rights that who started us may not have, by file
// capabilities. The error says that it has done so by the set-user-ID or set-group-ID bit, which is
// refused.
func Secure() (bool, error) {
	if entered.role != Unknown {
		return entered.secure, nil
	}
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return true, errors.New(setUserID)
	}
	auxiliary, err := unix.Auxv()
	for _, a := range auxiliary {
		if a[0] == atSecure {
			return a[1] != 0, nil
		}
	}
	return err != nil, nil
}
