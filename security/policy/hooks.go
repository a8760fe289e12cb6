package policy

import (
	"fmt"
	"maps"
	"slices"
)

// placement are the keys of a service that say where and with how much it runs.
var placement = []string{"cpus", "mem_limit", "mem_reservation", "runtime", "gpus", "devices", "group_add"}

// Parts are the first words of the paths that a hook may change: the keys of its spec that are not only to look at.
func Parts(h Hook) []string {
	switch h {
	case OnFleet:
		return []string{"placement"}
	case OnVolume:
		return []string{"volumes", "mounts"}
	case OnGateway:
		return []string{"ports", "network_mode"}
	}
	return ofModel
}

// reserved is where Compose keeps the devices that a service reserves.
func reserved(s map[string]any) (any, error) {
	var v any = s
	for _, key := range []string{"deploy", "resources", "reservations", "devices"} {
		o, err := Object(v, "deploy.resources.reservations")
		if err != nil {
			return nil, err
		}
		v = o[key]
	}
	return v, nil
}

// lookFleet shows GPUs and the rest of where a service runs.
func lookFleet(m Model, s Subject) (Spec, error) {
	devices, err := flat(m, reserved)
	if err != nil {
		return nil, err
	}
	per := map[string]any{}
	err = services(m, func(name string, svc map[string]any) error {
		own := map[string]any{}
		for _, key := range placement {
			own[key] = svc[key]
		}
		per[name] = own
		return nil
	})
	return Spec{"placement": map[string]any{"gpu_backend": s.Facts.Host.GPUBackend, "devices": devices, "services": per}}, err
}

func backFleet(m Model, spec Spec) error {
	p, err := Object(spec["placement"], "placement")
	if err != nil {
		return err
	}
	devices, err := grouped(m, p["devices"], "placement.devices")
	if err != nil {
		return err
	}
	per, err := Object(p["services"], "placement.services")
	if err != nil {
		return err
	}
	return services(m, func(name string, s map[string]any) error {
		own, err := Object(per[name], "placement.services."+name)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(own)) {
			if !slices.Contains(placement, key) {
				return fmt.Errorf("placement.services.%s.%s is no key of a placement: %v", name, key, placement)
			}
		}
		for _, key := range placement {
			put(s, key, own[key])
		}
		return reserve(s, devices[name])
	})
}

// reserve gives a service these devices and no others.
func reserve(s map[string]any, devices []any) error {
	if now, err := reserved(s); err != nil || len(devices) == 0 && now == nil {
		return err
	}
	at := s
	for _, key := range []string{"deploy", "resources", "reservations"} {
		next, err := Object(at[key], "deploy.resources.reservations")
		if err != nil {
			return err
		}
		at[key] = next
		at = next
	}
	if len(devices) == 0 {
		delete(at, "devices")
		return nil
	}
	at["devices"] = devices
	return nil
}

// lookVolume shows named volumes, and what services mount.
func lookVolume(m Model, _ Subject) (Spec, error) {
	volumes, err := Object(m["volumes"], "volumes")
	if err != nil {
		return nil, err
	}
	mounts, err := flat(m, func(s map[string]any) (any, error) { return s["volumes"], nil })
	return Spec{"volumes": volumes, "mounts": mounts}, err
}

func backVolume(m Model, spec Spec) error {
	volumes, err := Object(spec["volumes"], "volumes")
	if err != nil {
		return err
	}
	if _, had := m["volumes"]; had || len(volumes) > 0 {
		m["volumes"] = volumes
	}
	mounts, err := grouped(m, spec["mounts"], "mounts")
	if err != nil {
		return err
	}
	return services(m, func(name string, s map[string]any) error {
		put(s, "volumes", list(mounts[name]))
		return nil
	})
}

// lookGateway shows what is reached from outside.
func lookGateway(m Model, _ Subject) (Spec, error) {
	ports, err := flat(m, func(s map[string]any) (any, error) { return s["ports"], nil })
	if err != nil {
		return nil, err
	}
	modes := map[string]any{}
	err = services(m, func(name string, s map[string]any) error {
		if mode, ok := s["network_mode"]; ok {
			modes[name] = mode
		}
		return nil
	})
	return Spec{"ports": ports, "network_mode": modes}, err
}

func backGateway(m Model, spec Spec) error {
	ports, err := grouped(m, spec["ports"], "ports")
	if err != nil {
		return err
	}
	modes, err := Object(spec["network_mode"], "network_mode")
	if err != nil {
		return err
	}
	known, err := Object(m["services"], "services")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(modes)) {
		if _, ok := known[name]; !ok {
			return fmt.Errorf("network_mode.%s names no service that was submitted", name)
		}
	}
	return services(m, func(name string, s map[string]any) error {
		put(s, "ports", list(ports[name]))
		put(s, "network_mode", modes[name])
		return nil
	})
}

// list is l as a value: a nil one is none.
func list(l []any) any {
	if l == nil {
		return nil
	}
	return l
}
