package api

import (
	"context"
	"fmt"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

func (s *server) listExtensions(_ context.Context, in *catalogInput) (*reply[catalogBody], error) {
	return respond(newCatalogBody(s.extensions.Snapshot(), in.filter()))
}

func (s *server) getExtension(_ context.Context, in *extensionInput) (*reply[extensionBody], error) {
	snapshot := s.extensions.Snapshot()
	e, ok := snapshot.Find(in.ID)
	if !ok {
		for _, skip := range snapshot.Skipped {
			if skip.ID == in.ID {
				return nil, problem.Newf(problem.NotFound, "extension %q is there and cannot be used: %s", in.ID, skip.Reason)
			}
		}
		return nil, problem.Newf(problem.NotFound, "extension %q is not installed and not in the library", in.ID)
	}
	return respond(newExtensionBody(e), nil)
}

func (s *server) install(ctx context.Context, in *installInput) (*changeReply[catalog.Result], error) {
	r, err := order(ctx, s, catalog.Order{Kind: operation.Install, ID: in.ID, Given: in.given(), Plan: in.plan()}, in.Preferences, whole)
	return r, orInBody(in.ID, err)
}

// orInBody adds the way of this API to a refusal that names the command line's: an install takes the values of its own
// extension, and not those of one that it needs.
func orInBody(id string, err error) error {
	if !problem.HasCode(err, problem.MissingConfig) {
		return err
	}
	e := *problem.As(err)
	if !strings.HasPrefix(e.Detail, fmt.Sprintf("extension %q ", id)) || len(e.Items) == 0 {
		return err
	}
	pairs := make([]string, len(e.Items))
	for i, item := range e.Items {
		pairs[i] = fmt.Sprintf(`%q: "..."`, item.Path)
	}
	e.Detail += fmt.Sprintf(`, or send {"values": {%s}} with the install`, strings.Join(pairs, ", "))
	return &e
}

// enable may install what the extension needs first, and that takes the scope that an install takes.
func (s *server) enable(ctx context.Context, in *enableInput) (*changeReply[catalog.Result], error) {
	if who := visitOf(ctx).caller; in.WithDependencies && !who.scope.Allows(config.ScopeAdmin) {
		return nil, problem.Newf(problem.Forbidden, "with_dependencies may install extensions and takes the scope admin, and %s has %s: "+
			"enable what it needs one by one, or use a key of that scope", who, who.scope)
	}
	return order(ctx, s, catalog.Order{Kind: operation.Enable, ID: in.ID, WithDependencies: in.WithDependencies, Plan: in.Plan}, in.Preferences, whole)
}

func (s *server) disable(ctx context.Context, in *changeInput) (*changeReply[disabledBody], error) {
	return order(ctx, s, catalog.Order{Kind: operation.Disable, ID: in.ID}, in.Preferences, func(r catalog.Result) disabledBody {
		return disabledBody{r, list(r.Dependents)}
	})
}

func (s *server) uninstall(ctx context.Context, in *uninstallInput) (*changeReply[uninstalledBody], error) {
	return order(ctx, s, catalog.Order{Kind: operation.Uninstall, ID: in.ID, Forget: in.Forget}, in.Preferences, func(r catalog.Result) uninstalledBody {
		return uninstalledBody{r, r.CleanupHint}
	})
}

func (s *server) start(ctx context.Context, in *startInput) (*changeReply[catalog.Result], error) {
	return order(ctx, s, catalog.Order{Kind: operation.Start, ID: in.ID, Plan: in.Plan}, in.Preferences, whole)
}

func (s *server) stop(ctx context.Context, in *changeInput) (*changeReply[catalog.Result], error) {
	return order(ctx, s, catalog.Order{Kind: operation.Stop, ID: in.ID}, in.Preferences, whole)
}

func (s *server) restart(ctx context.Context, in *changeInput) (*changeReply[catalog.Result], error) {
	return order(ctx, s, catalog.Order{Kind: operation.Restart, ID: in.ID}, in.Preferences, whole)
}

func (s *server) getConfig(ctx context.Context, in *extensionInput) (*reply[catalog.Config], error) {
	return respond(s.extensions.Config(ctx, in.ID))
}

func (s *server) putConfig(ctx context.Context, in *configInput) (*reply[catalog.ConfigResult], error) {
	return respond(s.extensions.Configure(ctx, in.ID, in.Body.ConfigChange, in.Body.Restart))
}

func (s *server) extensionLogs(ctx context.Context, in *logsInput) (*reply[catalog.Logs], error) {
	return respond(s.extensions.Logs(ctx, in.ID, in.Tail))
}
