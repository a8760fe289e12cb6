package agent_test

import "testing"

// An extension's files can be exchanged by whoever can write them. What the old ones left running must not be able to
// put a link where the new ones mount.
func TestStart_EndsWhatCouldWriteAboveTheNewMounts(t *testing.T) {
	const wide = `services:
  app: {image: example/app:1, volumes: ["./data/app:/data"]}
  app-helper: {image: example/helper:1, volumes: ["./data/app:/data"]}
  app-reader: {image: example/reader:1, volumes: ["./data/app:/data:ro"]}
`
	in := newInstallation(t, extension("app", wide))
	in.mustStart("app")
	in.docker.calls()

	in.add("-- data/user-extensions/app/compose.yaml --\nservices:\n" +
		"  app: {image: example/app:1, volumes: [\"./data/app/inner:/data\"]}\n" +
		"  app-reader: {image: example/reader:1, volumes: [\"./data/app:/data:ro\"]}\n")
	in.mustStart("app")
	wantEqual(t, "calls", []string{"rm app-helper", "stop app", "up app app-reader"}, in.docker.calls())
	wantEqual(t, "containers", map[string]string{"app": "running", "app-reader": "running"}, in.docker.services())
}

func TestStart_EndsNothingThatMayStay(t *testing.T) {
	in := newInstallation(t, extension("app", "services: {app: {image: example/app:1, volumes: [\"./data/app/a:/data\"]}}\n"))
	in.mustStart("app")
	in.docker.calls()
	in.add("-- data/user-extensions/app/compose.yaml --\nservices: {app: {image: example/app:1, volumes: [\"./data/app/ab:/data\", \"./data/app/a:/old\"]}}\n")
	in.mustStart("app")
	wantEqual(t, "calls", []string{"up app"}, in.docker.calls())
}
