package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"dreamserver/agent"
	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/internal/sockets"
	"dreamserver/manifest"
)

// ports are who wants which port, and who has it.
func (x *examination) ports(wanted []doctor.Port, published []compose.Publication, unknown error) doctor.Ports {
	p := doctor.Ports{Project: x.settings.Names.Project, Published: published}
	if unknown != nil {
		p.Unknown = problem.As(unknown).Detail
		return p
	}
	if s := x.settings; s.AgentTCP && s.AgentPort != 0 {
		there := x.agent.status.Available || slices.Contains([]problem.Code{problem.AgentHung, problem.AgentUnauthorized}, problem.Code(x.agent.status.Code))
		wanted = append(wanted, doctor.Port{
			Number: s.AgentPort, Protocol: "tcp", Address: "127.0.0.1", Owner: "the host agent", Key: "DREAM_AGENT_PORT", Own: there,
		})
	}
	inUse := x.app.portInUse
	if inUse == nil {
		inUse = agent.PortInUse
	}
	var seen *sockets.Table
	for i, w := range wanted {
		if !inUse(w.Protocol, w.Address, w.Number) {
			continue
		}
		if seen == nil {
			seen = sockets.Listening()
		}
		wanted[i].InUse, wanted[i].Holder = true, doctor.Holder(seen.Holder(w.Protocol, w.Number))
	}
	p.Wanted = wanted
	return p
}

// wantedPorts are the ports that the core services and the enabled extensions publish with the present settings. An
// extension that cannot be loaded is broken, and wants none. The error is for a stack that is not known.
func wantedPorts(ctx context.Context, s config.Settings) ([]doctor.Port, []doctor.Broken, error) {
	tree, closeTree, err := openTree(s)
	if err != nil {
		return nil, nil, err
	}
	defer closeTree()
	stack, err := compose.Resolve(tree, compose.HostOf(s))
	if err != nil {
		return nil, nil, err
	}
	base, err := loadBase(ctx, s, tree, stack)
	if err != nil {
		return nil, nil, err
	}
	keys := map[string]string{}
	for _, name := range base.ServiceNames() {
		if m, err := manifest.Read(tree.Services.FS, name); err == nil {
			keys[name] = m.Service.ExternalPortEnv
		}
	}
	ports := portsOf(base, func(service string) (string, string) { return "core service " + strconv.Quote(service), keys[service] })
	var broken []doctor.Broken
	for _, u := range stack.Units {
		if u.Core() {
			continue
		}
		unit, err := loadUnit(ctx, s, tree, u)
		if err != nil {
			broken = append(broken, doctor.Broken{ID: u.ID, Enabled: true, Reason: reasonOf(err)})
			continue
		}
		ports = append(ports, portsOf(unit, func(string) (string, string) {
			return "extension " + strconv.Quote(u.ID), u.Manifest.Service.ExternalPortEnv
		})...)
	}
	return ports, broken, nil
}

func loadBase(ctx context.Context, s config.Settings, tree compose.Tree, stack *compose.Stack) (*compose.Unit, error) {
	in := compose.Input{ID: "base", Source: compose.Builtin, Base: true, Env: compose.OwnerEnv(s)}
	for _, name := range stack.Base {
		data, err := fs.ReadFile(tree.Install.FS, name)
		if err != nil {
			return nil, err
		}
		in.Files = append(in.Files, compose.File{Name: name, Content: data})
	}
	return compose.Load(ctx, in)
}

// loadUnit loads an extension as its start would. A secret that the start makes is as good as there.
func loadUnit(ctx context.Context, s config.Settings, tree compose.Tree, u compose.StackUnit) (*compose.Unit, error) {
	root := tree.Services
	if u.Source == compose.User {
		root = tree.User
	}
	in, err := u.Input(s, root.FS)
	if err != nil {
		return nil, err
	}
	for _, v := range u.Manifest.Service.EnvVars {
		if v.Generate != nil && in.Env[v.Key] == "" {
			in.Env[v.Key] = v.Generate.Value()
		}
	}
	return compose.Load(ctx, in)
}

// portsOf are the fixed ports of the host that a unit's services publish. who says whose a service is, and which
// setting moves its port.
func portsOf(u *compose.Unit, who func(service string) (owner, key string)) []doctor.Port {
	var ports []doctor.Port
	for _, name := range u.ServiceNames() {
		owner, key := who(name)
		for _, p := range u.Project.Services[name].Ports {
			number, err := strconv.Atoi(p.Published)
			if err != nil || number == 0 {
				continue
			}
			address := p.HostIP
			if address == "" {
				address = "127.0.0.1"
			}
			ports = append(ports, doctor.Port{Number: number, Protocol: p.Protocol, Address: address, Service: name, Owner: owner, Key: key})
		}
	}
	return ports
}

// reasonOf is an error with its causes, one a line.
func reasonOf(err error) string {
	lines := []string{problem.As(err).Detail}
	if e, ok := errors.AsType[*problem.Error](err); ok {
		for _, item := range e.Items {
			if text := itemText(item); !strings.Contains(lines[0], item.Message) && !slices.Contains(lines, text) {
				lines = append(lines, text)
			}
		}
	}
	return strings.Join(lines, "\n")
}
