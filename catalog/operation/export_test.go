package operation

// Die lets go of the record as the kernel does when a program is killed.
func (a *Active) Die() { a.file.close() }
