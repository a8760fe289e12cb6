package main

import "golang.org/x/sys/unix"

// hideTyping keeps the terminal from showing what is typed, until show is called. [term.ReadPassword] does the same, and
// can be ended neither by an interrupt nor by the end of input.
func hideTyping(fd int) (show func(), err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil // a terminal that is gone shows nothing
}
