package api_test

import (
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

func TestPreflight_TellsOfTheHost(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=nvidia")
	in.sees(twoCards())
	for path, want := range map[string]string{
		"docker":         `{"available":true,"version":"20.10.24"}`,
		"gpu":            `{"available":true,"name":"NVIDIA RTX A5000","vram":23.99,"backend":"nvidia","memory_type":"discrete"}`,
		"disk":           `{"free":134217728000,"total":536870912000,"used":402653184000,"path":"/srv/dream/data"}`,
		"required-ports": `{"ports":[{"port":3001,"service":"Dashboard","id":"dashboard"},{"port":8080,"service":"Search","id":"search"}]}`,
	} {
		wantBody(t, in.do("GET", "/api/preflight/"+path, ""), want)
	}
}

// A check answers also when what it looks for is not there: that is its answer.
func TestPreflight_SaysWhatIsMissing(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=apple")
	in.agent.ping = catalog.AgentStatus{Docker: "the Docker Engine does not answer: start it"}
	in.manager.Refresh(t.Context())
	wantBody(t, in.do("GET", "/api/preflight/docker", ""), `{"available":false,"error":"the Docker Engine does not answer: start it"}`)
	const unasked = "the host agent was not asked about the machine yet: try again in a few seconds"
	wantBody(t, in.do("GET", "/api/preflight/disk", ""), `{"free":0,"total":0,"used":0,"path":"","error":"`+unasked+`"}`)
	wantBody(t, in.do("GET", "/api/preflight/gpu", ""), `{"available":false,"backend":"apple","error":"`+unasked+`"}`)

	in.sees(gpu.Facts{Devices: []gpu.Device{{Vendor: gpu.Apple, Name: "Apple GPU", MemoryType: gpu.Unified, MemoryTotal: new(uint64(64 << 30))}}})
	wantBody(t, in.do("GET", "/api/preflight/gpu", ""),
		`{"available":true,"name":"Apple GPU","vram":64,"backend":"apple","memory_type":"unified","memory_label":"64 GB unified"}`)

	in.agent.setAway(problem.Newf(problem.AgentNoSocket, "the host agent is not running: start it"))
	in.manager.Refresh(t.Context())
	wantBody(t, in.do("GET", "/api/preflight/docker", ""), `{"available":false,"error":"the host agent is not running: start it"}`)
	refused(t, in.do("POST", "/api/preflight/ports", `{"ports":[80]}`), problem.AgentNoSocket, "the host agent is not running: start it")
}

func TestPreflightPorts_NamesWhoHasThem(t *testing.T) {
	in := newInstallation(t)
	in.agent.taken = map[int]catalog.PortUse{
		80:   {InUse: true, Program: "nginx"},
		81:   {InUse: true},
		3000: {InUse: true, Container: "their-web", Project: "theirs", Service: "search"},
		8080: {InUse: true, Container: "dream-search", Project: in.settings.Names.Project, Service: "search"},
	}
	wantBody(t, in.do("POST", "/api/preflight/ports", `{"ports":[80,81,82,3000,8080]}`), `{"conflicts":[
		{"port":80,"service":"nginx","in_use":true},
		{"port":81,"service":"another program on this machine","in_use":true},
		{"port":3000,"service":"container their-web","in_use":true,"container":"their-web"},
		{"port":8080,"service":"search","in_use":true,"extension":"search","container":"dream-search"}],"available":false}`)
	wantBody(t, in.do("POST", "/api/preflight/ports", `{"ports":[82]}`), `{"conflicts":[],"available":true}`)
	refused(t, in.do("POST", "/api/preflight/ports", `{"ports":[]}`), problem.InvalidParameter, "ports names 0 ports: write 1 to 100 of them")
	refused(t, in.do("POST", "/api/preflight/ports", `{"ports":[70000]}`), problem.InvalidParameter, "ports: 70000 is no port")
	refused(t, in.do("POST", "/api/preflight/ports", `{}`), problem.InvalidParameter, "ports")
}
