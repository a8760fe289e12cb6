package api_test

import (
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

func TestStorage_IsWhatTheAgentCounted(t *testing.T) {
	in := newInstallation(t)
	in.sees(gpu.Facts{})
	refused(t, in.do("GET", "/api/storage", ""), problem.Unavailable, "the host agent has not answered yet")
	in.agent.setHolds(catalog.Storage{Counting: true})
	in.keeps()
	refused(t, in.do("GET", "/api/storage", ""), problem.Unavailable, "the data directory is not counted yet") // after three seconds

	in = newInstallation(t)
	in.sees(gpu.Facts{})
	in.agent.setHolds(catalog.Storage{
		Models: catalog.FolderSize{Bytes: 50 << 30, Files: 3}, VectorDB: catalog.FolderSize{Bytes: 1536 << 10, Files: 7}, Total: catalog.FolderSize{Bytes: 60 << 30, Files: 99},
		At: began, Problem: "2 folders may not be read",
	})
	in.keeps()
	got := decode[map[string]any](t, in.do("GET", "/api/storage", ""))
	delete(got, "disk")
	wantEqualJSON(t, any(got), `{"models":{"formatted":"50.0 GB","gb":50,"percent":10,"bytes":53687091200,"files":3},
		"vector_db":{"formatted":"1.5 MB","gb":0,"percent":0,"bytes":1572864,"files":7},
		"total_data":{"formatted":"60.0 GB","gb":60,"percent":12,"bytes":64424509440,"files":99},
		"counted_at":"2026-01-02T03:04:05Z","counting":false,"problem":"2 folders may not be read"}`)
}
