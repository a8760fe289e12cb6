package security

// Allows reports whether the table has a row for the key path, or for something below it, that may accept it.
func Allows(at ...string) bool {
	n := rules()
	for _, key := range at {
		if n = n.child(key); n == nil {
			return false
		}
		for _, r := range n.rows {
			if r.whole {
				return false
			}
		}
	}
	return true
}
