package catalog

// Owner is whose a container is.
type Owner struct {
	Extension string // id
	Service   string // of compose
	Container string // name
}

// Owners are the containers of this installation by their ids.
func (s *Snapshot) Owners() map[string]Owner {
	owners := map[string]Owner{}
	for _, e := range s.Entries {
		for _, c := range e.Runtime.Containers {
			owners[c.ID] = Owner{Extension: e.ID, Service: c.Service, Container: c.Name}
		}
	}
	return owners
}
