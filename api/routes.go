package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// routes is the whole surface: path, who may call it, what it does to the machine, what answers, and how the
// documentation calls it.
func (s *server) routes() []route {
	return []route{
		{"GET", "/health", open, looks, typed(s.health), "system", "get-health", "The API answers"},
		{"GET", "/healthz", open, looks, plain("text/plain", s.alive), "system", "get-liveness", "The process lives; for container healthchecks"},
		{"GET", "/readyz", open, looks, typed(s.ready), "system", "get-readiness", "What the API needs, and what of it is missing"},
		{"GET", "/openapi.json", open, looks, plain("application/openapi+json", s.openapi), "system", "get-openapi", "This contract as OpenAPI 3.1"},
		{"GET", "/metrics", metrics, looks, plain("text/plain", s.metrics), "system", "get-metrics", "What Prometheus reads"},
		{"GET", "/docs", open, looks, plain("text/html", s.docs), "system", "get-docs", "This contract as a page"},

		{"POST", "/api/session", open, looks, typed(s.login), "session", "sign-in", "Open a session for a browser with a key"},
		{"GET", "/api/session", read, looks, typed(s.getSession), "session", "get-session", "Who calls, and with which scope"},
		{"DELETE", "/api/session", open, looks, typed(s.logout), "session", "sign-out", "End the session"},

		{"GET", "/api/audit", admin, looks, typed(s.listAudit), "system", "list-audit", "Who changed what, with which result"},

		{"GET", "/api/doctor", read, looks, typed(s.getDoctor), "system", "get-doctor", "What is wrong with the installation, and what to do about it"},
		{"GET", "/api/keys", admin, looks, typed(s.listKeys), "session", "list-keys", "The keys of this API, without what opens"},
		{"GET", "/api/policy/status", read, looks, typed(s.policyStatus), "policies", "get-policy-status", "Which policies are loaded, and whether they are locked"},
		{"GET", "/api/policy/audit", admin, looks, typed(s.policyAudit), "policies", "list-policy-audit", "What policies decided, and about whom"},
		{"GET", "/api/policy/drift", read, looks, typed(s.getDrift), "policies", "get-policy-drift", "Where what runs is not what was approved, as it was found last"},
		{"POST", "/api/policy/drift", operate, looks, typed(s.scanDrift), "policies", "scan-policy-drift", "Compare what runs with what was approved, now"},

		{"GET", "/api/features", read, looks, ofSnapshot(typed(s.listFeatures)), "features", "list-features", "What the enabled extensions make possible"},
		{"GET", "/api/features/{id}/enable", read, looks, typed(s.featureGuide), "features", "get-feature-guide", "How to get a feature on this machine, step by step"},

		{"GET", "/api/status", read, looks, ofMoment(typed(s.getStatus)), "services", "get-status", "The machine and its services at a glance"},
		{"GET", "/status", read, looks, ofMoment(typed(s.getShortStatus)), "services", "get-short-status", "The same for older clients"},
		{"GET", "/services", read, looks, ofMoment(typed(s.listServices)), "services", "list-services", "How the enabled services fare"},
		{"GET", "/api/services", read, looks, ofMoment(typed(s.listServices)), "services", "list-api-services", "The same, behind the dashboard"},
		{"GET", "/api/services/{id}/logs", operate, looks, typed(s.extensionLogs), "services", "get-service-logs", "The end of a service's log; of core services, too"},
		{"POST", "/api/services/{id}/logs", operate, looks, typed(s.extensionLogs), "services", "post-service-logs", "The same, for clients that send no GET"},
		{"GET", "/api/external-links", read, looks, ofSnapshot(typed(s.listLinks)), "services", "list-external-links", "The pages of enabled services"},

		{"GET", "/gpu", read, looks, typed(s.getGPU), "machine", "get-gpu", "The GPUs as if they were one"},
		{"GET", "/api/gpu/detailed", read, looks, typed(s.getGPUDetails), "machine", "get-gpu-details", "Each GPU, and whose work is on it"},
		{"GET", "/api/gpu/history", read, looks, typed(s.getGPUHistory), "machine", "get-gpu-history", "The GPUs in the last five minutes"},
		{"GET", "/api/services/resources", read, looks, typed(s.listResources), "machine", "list-resources", "What each container uses, and each extension"},
		{"GET", "/api/preflight/docker", read, looks, typed(s.preflightDocker), "machine", "check-docker", "Whether Docker works"},
		{"GET", "/api/preflight/gpu", read, looks, typed(s.preflightGPU), "machine", "check-gpu", "Whether there is a GPU that services can use"},
		{"GET", "/api/preflight/disk", read, looks, typed(s.preflightDisk), "machine", "check-disk", "What is free for data"},
		{"POST", "/api/preflight/ports", read, looks, typed(s.preflightPorts), "machine", "check-ports", "Which ports of the host are taken, and by whom"},
		{"GET", "/api/preflight/required-ports", read, looks, ofSnapshot(typed(s.requiredPorts)), "machine", "list-required-ports", "The ports that core services and enabled extensions need"},
		{"GET", "/api/storage", read, looks, typed(s.getStorage), "machine", "get-storage", "How much the data directory holds"},
		{"GET", "/disk", read, looks, typed(s.getDisk), "machine", "get-disk", "The disk of the data directory"},

		{"GET", "/api/extensions/catalog", read, looks, ofSnapshot(typed(s.listExtensions)), "extensions", "list-extensions", "Every extension, its state, and a summary"},
		{"GET", "/api/extensions/{id}", read, looks, ofSnapshot(typed(s.getExtension)), "extensions", "get-extension", "One extension"},
		{"GET", "/api/extensions/{id}/logs", operate, streams, streamed(s.readLogs, "application/json"), "extensions", "follow-extension-logs", "The end of an extension's log, or its lines as they are written"},
		{"POST", "/api/extensions/{id}/logs", operate, looks, typed(s.extensionLogs), "extensions", "get-extension-logs", "The end of an extension's log"},

		{"GET", "/api/extensions/{id}/config", operate, looks, typed(s.getConfig), "extensions", "get-extension-config", "The variables of an extension; secrets are never shown"},
		{"PUT", "/api/extensions/{id}/config", admin, changes, typed(s.putConfig), "extensions", "set-extension-config", "Set, forget or generate variables of an extension"},

		{"POST", "/api/extensions/{id}/plan", operate, looks, typed(s.plan), "extensions", "plan-extension", "What an install, an enable or a start would come to: policies, changes, images, ports; nothing is changed"},
		{"POST", "/api/extensions/{id}/install", admin, changes, asOperation(typed(s.install)), "extensions", "install-extension", "Copy an extension from the library and start it"},
		{"POST", "/api/extensions/{id}/enable", operate, changes, asOperation(typed(s.enable)), "extensions", "enable-extension", "Switch an installed extension on and start it"},
		{"POST", "/api/extensions/{id}/disable", operate, changes, asOperation(typed(s.disable)), "extensions", "disable-extension", "Stop an extension and switch it off"},
		{"DELETE", "/api/extensions/{id}", admin, changes, asOperation(typed(s.uninstall)), "extensions", "uninstall-extension", "Remove a disabled extension; its data stays"},
		{"POST", "/api/extensions/{id}/start", operate, changes, asOperation(typed(s.start)), "extensions", "start-extension", "Start an enabled extension"},
		{"POST", "/api/extensions/{id}/stop", operate, changes, asOperation(typed(s.stop)), "extensions", "stop-extension", "Stop an extension; it stays enabled"},
		{"POST", "/api/extensions/{id}/restart", operate, changes, asOperation(typed(s.restart)), "extensions", "restart-extension", "Start an extension again with its present configuration"},

		{"GET", "/api/events", read, streams, streamed(s.events), "system", "follow-events", "What changes, as server-sent events"},

		{"GET", operationPath, read, looks, typed(s.listOperations), "operations", "list-operations", "The changes that are being made, and the last ones that were"},
		{"GET", operationPath + "/{id}", read, looks, typed(s.getOperation), "operations", "get-operation", "One change: how far it is, or what came of it"},
		{"POST", operationPath + "/{id}/cancel", operate, changes, typed(s.cancelOperation), "operations", "cancel-operation", "Undo a change that turns something on, while it is being made"},
	}
}

// route is a line of the table.
type route struct {
	method, path string
	need         need
	effect       effect
	bind         binder
	tag          string
	id, summary  string
}

// binder registers what answers a route.
type binder func(*server, huma.Operation)

func (r route) access() access { return access{r.need, r.effect} }

const metaAccess = "access"

func (r route) operation() huma.Operation {
	op := huma.Operation{
		Method: r.method, Path: r.path, OperationID: r.id, Summary: r.summary, Tags: []string{r.tag},
		Metadata:   map[string]any{metaAccess: r.access()},
		Extensions: map[string]any{"x-access": string(r.need), "x-changes": r.effect == changes},
		Parameters: pathParameters(r.path),
		Responses:  map[string]*huma.Response{"default": refusalResponse()},
		Security:   []map[string][]string{},
	}
	if r.need != open {
		op.Security = append(op.Security, map[string][]string{keyScheme: {string(r.need)}}, map[string][]string{sessionScheme: {string(r.need)}})
	}
	return op
}

// typed binds a handler whose input and output huma reads, checks and documents.
func typed[I, O any](handle func(context.Context, *I) (*O, error)) binder {
	return func(s *server, op huma.Operation) {
		huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
			if err := checked(in); err != nil {
				return nil, s.refusal(ctx, err)
			}
			out, err := handle(ctx, in)
			if late, ok := errors.AsType[throttledError](err); ok {
				return nil, huma.ErrorWithHeaders(s.refusal(ctx, err), late.headers())
			}
			if err != nil {
				return nil, s.refusal(ctx, err)
			}
			return out, nil
		})
	}
}

// plain binds a handler that writes its reply itself.
func plain(contentType string, handle http.HandlerFunc) binder {
	return func(s *server, op huma.Operation) {
		op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{contentType: {}}}
		s.huma.OpenAPI().AddOperation(&op)
		s.mount(&op, handle)
	}
}

// streamed binds a handler whose input huma reads, checks and documents, and that writes its reply itself. What it
// returns is for a reply that has not begun. also are content types that it may have beside that of a stream.
func streamed[I any](handle func(w http.ResponseWriter, r *http.Request, in *I) error, also ...string) binder {
	return func(s *server, op huma.Operation) {
		op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {}}}
		for _, contentType := range also {
			op.Responses["200"].Content[contentType] = &huma.MediaType{}
		}
		huma.Register(s.huma, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
			if err := checked(in); err != nil {
				return nil, s.refusal(ctx, err)
			}
			return &huma.StreamResponse{Body: func(hctx huma.Context) {
				r, w := humachi.Unwrap(hctx)
				if err := handle(w, r, in); err != nil {
					s.refuse(w, r, err)
				}
			}}, nil
		})
	}
}

// checked is what the input says against itself.
func checked(in any) error {
	if c, ok := in.(interface{ check() error }); ok {
		return c.check()
	}
	return nil
}

// adapter puts huma's operations on our router, behind the guard that their route declares.
type adapter struct{ s *server }

func (a adapter) Handle(op *huma.Operation, handle func(huma.Context)) {
	a.s.mount(op, func(w http.ResponseWriter, r *http.Request) { handle(humachi.NewContext(op, r, w)) })
}

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.router.ServeHTTP(w, r) }

func (s *server) mount(op *huma.Operation, handle http.HandlerFunc) {
	a, _ := op.Metadata[metaAccess].(access) // without one, guard lets nobody in
	serve := s.attend(a.effect, handle)
	switch {
	case op.Metadata[metaSnapshot] == true:
		serve = s.fromMemory(s.answers, s.generation, serve)
	case op.Metadata[metaMoment] == true:
		serve = s.fromMemory(s.glances, s.moment, serve)
	}
	s.router.Method(op.Method, op.Path, s.guard(a, serve))
}
