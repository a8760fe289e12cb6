package catalog_test

import "strings"

// manifestOf is a manifest with more lines in its service section.
func manifestOf(id string, lines ...string) string {
	service := append([]string{"id: " + id, "name: The " + id, "port: 8080", "health: /"}, lines...)
	if !strings.Contains(strings.Join(lines, "\n"), "gpu_backends") {
		service = append(service, "gpu_backends: [all]")
	}
	return "schema_version: dream.services.v1\nservice:\n  " + strings.Join(service, "\n  ") + "\n"
}

func fragmentOf(id string) string {
	return "services:\n  " + id + ":\n    image: example/" + id + ":1\n"
}

func archive(folder, id, compose string, lines []string) string {
	return "-- " + folder + "/" + id + "/manifest.yaml --\n" + manifestOf(id, lines...) +
		"-- " + folder + "/" + id + "/" + compose + " --\n" + fragmentOf(id)
}

func library(id string, lines ...string) string {
	return archive("data/extensions-library", id, "compose.yaml", lines)
}

func enabled(id string, lines ...string) string {
	return archive("data/user-extensions", id, "compose.yaml", lines)
}

func disabled(id string, lines ...string) string {
	return archive("data/user-extensions", id, "compose.yaml.disabled", lines)
}

func builtin(id, file string, lines ...string) string {
	return archive("extensions/services", id, file, append(lines, "compose_file: compose.yaml"))
}

func core(id string) string {
	return "-- extensions/services/" + id + "/manifest.yaml --\n" + manifestOf(id, "category: core")
}

// named puts the id into a fragment with %s in its place.
func named(fragment, id string) string { return strings.ReplaceAll(fragment, "%s", id) }
