package policy

import "time"

// Inventory is what is loaded, and whether it may be used.
type Inventory struct {
	Locked bool `json:"locked"`
	// Reason is why nothing may be installed, enabled or started; empty when everything may.
	Reason   string    `json:"reason,omitempty"`
	Config   string    `json:"config_digest,omitempty"` // SHA-256 of the config; empty without one
	LoadedAt time.Time `json:"loaded_at"`
	// Plugins and Rules are in the order in which they are asked.
	Plugins    []PluginStatus    `json:"plugins"`
	Rules      []PluginStatus    `json:"rules"`
	Exceptions []ExceptionStatus `json:"exceptions"`
}

// PluginStatus is a plugin or rule, and what the operator says about it.
type PluginStatus struct {
	Info
	Mode    Mode   `json:"mode"`
	OnError string `json:"on_error"` // deny or allow
	Secrets bool   `json:"secrets"`  // it sees them
	Timeout string `json:"timeout"`  // of one answer
}

// ExceptionStatus is an exception, and whether it holds.
type ExceptionStatus struct {
	Plugin    string    `json:"plugin"`
	Extension string    `json:"extension"`
	Reason    string    `json:"reason"`
	Expires   time.Time `json:"expires"`
	Expired   bool      `json:"expired"`
}

// ExceptionUse is the exception by which a refusal was none.
type ExceptionUse struct {
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
}

// Inventory tells what is loaded.
func (e *Engine) Inventory() Inventory {
	s := Inventory{
		Locked: e.locked != nil, Config: e.source, LoadedAt: e.loadedAt.UTC(),
		Plugins: []PluginStatus{}, Rules: []PluginStatus{}, Exceptions: []ExceptionStatus{},
	}
	if e.locked != nil {
		s.Reason = e.locked.Error()
	}
	for _, p := range e.plugins {
		one := PluginStatus{Info: p.info, Mode: p.mode, OnError: "deny", Secrets: p.secrets, Timeout: p.timeout.String()}
		if p.allow {
			one.OnError = "allow"
		}
		if p.info.Transport == "cel" {
			s.Rules = append(s.Rules, one)
		} else {
			s.Plugins = append(s.Plugins, one)
		}
	}
	for _, x := range e.exceptions {
		s.Exceptions = append(s.Exceptions, ExceptionStatus{
			Plugin: x.Plugin, Extension: x.Extension, Reason: x.Reason, Expires: x.Expires, Expired: !x.covers(x.Plugin, x.Extension, e.now()),
		})
	}
	return s
}
