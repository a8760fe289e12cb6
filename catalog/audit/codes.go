package audit

// Severity says whether a finding fails the audit.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the audit fails
	Warning Severity = "warning" // the audit fails with --strict
)

// Rule is one thing that the audit looks for.
type Rule struct {
	Code     string // stable
	Severity Severity
	When     string // it is found
	Fix      string // what to do, where a finding has no better advice
	Mends    bool   // `dream audit --fix` does it
}

// Rules are all of them, in the order of docs/audit.md. Those down to healthcheck-missing are the reference system's.
var Rules = []Rule{
	{"extensions-dir-missing", Error, "the project has no `extensions/services`", "name a checkout or an installation with --project-dir", false},
	{"manifest-missing", Warning, "a folder has no manifest", "add manifest.yaml, or move the folder away", false},
	{"manifest-invalid", Error, "a manifest is not YAML, not text, or larger than a manifest may be", "mend the file", false},
	{"manifest-shape-invalid", Error, "a manifest's root is not a mapping", "write schema_version and service as keys", false},
	{"service-section-missing", Error, "a manifest has no mapping `service`", "write service with id, name and port", false},
	{"service-id-collision", Error, "several folders have one id; an installed copy of what is in the library is none", "give one of them another id, or remove it", false},
	{"service-not-found", Error, "a service that was asked for does not exist", "run `dream audit --all`, which lists every one", false},

	{"schema-version-invalid", Error, "`schema_version` is not `dream.services.v1`", "write schema_version: dream.services.v1", false},
	{"service-id-directory-mismatch", Error, "`service.id` is not the name of its folder", "rename one of them", false},
	{"service-name-missing", Error, "`service.name` is blank", "write the name that people see", false},
	{"service-category-invalid", Error, "`service.category` is not core, recommended or optional", "write one of them", false},
	{"service-type-invalid", Error, "`service.type` is not docker or host-systemd", "write one of them", false},
	{"service-port-invalid", Error, "`service.port` is no port; 0 is one for a service whose compose file publishes none", "write the port inside the container", false},
	{"service-health-invalid", Error, "`service.health` does not begin with `/`; it may be left out where the healthcheck speaks no HTTP", "write the path of the health endpoint", false},
	{"service-external-port-invalid", Error, "`service.external_port_default` is set and no port", "write the port on this machine", false},
	{"service-port-env-invalid", Error, "`service.external_port_env` is no variable's name", "write a name such as MY_SERVICE_PORT", false},
	{"service-gpu-backends-invalid", Error, "`service.gpu_backends` names what is no backend", "write nvidia, amd, intel, apple, cpu, all or none", false},
	{"alias-duplicate-local", Error, "an alias is listed twice", "keep one", false},
	{"alias-collision", Error, "an alias is another service's, too", "give one of them another alias", false},
	{"dependency-missing", Error, "`depends_on` names an id that no extension has", "write the id of an extension, or remove it", false},
	{"env-vars-invalid", Error, "`env_vars` is not a list", "write a list of entries with key", false},
	{"env-var-entry-invalid", Error, "an entry of `env_vars` has no `key`", "write the variable's name as key", false},
	{"feature-invalid", Error, "a feature is not a mapping", "write id, name, description, category and priority", false},
	{"feature-field-missing", Error, "a feature lacks id, name, description, category or priority", "write it", false},
	{"feature-id-collision", Error, "a feature's id is another's, too", "rename one of them", false},
	{"feature-service-reference-invalid", Error, "a feature names a service that does not exist", "write the id of an extension, or remove it", false},
	{"compose-file-unexpected", Warning, "a host-systemd service has a `compose_file`", "remove it, or write type: docker", false},
	{"compose-file-missing", Error, "a service names no `compose_file`, or it is there neither enabled nor disabled", "add the file, and name it as service.compose_file", true},
	{"compose-invalid", Error, "a compose file is not YAML, or beyond the bounds of one", "mend the file", false},
	{"compose-shape-invalid", Error, "a compose file's root is not a mapping", "write services as a key", false},
	{"compose-services-invalid", Error, "`services` of a compose file is not a mapping", "write services: and below it the service's name", false},
	{"compose-service-missing", Error, "no compose file of an enabled extension defines the service of its id", "name a service after the extension", false},
	{"overlay-required", Error, "the compose file has no image, and a declared backend has no overlay that could add one", "add the overlay, or take the backend out of service.gpu_backends", false},
	{"overlay-backend-extra", Warning, "there is an overlay for a backend that is not declared", "declare it in service.gpu_backends, or remove the file", false},
	{"container-name-mismatch", Error, "`service.container_name` is no definition's `container_name`", "write the same name in both", false},
	{"compose-port-mismatch", Error, "`service.port` is no port inside the container", "publish or expose the port, or write the one that is", false},
	{"compose-port-env-unused", Warning, "no published port reads `service.external_port_env`", "write \"127.0.0.1:${VARIABLE:-default}:port\"", false},
	{"healthcheck-missing", Warning, "no definition of the service has a healthcheck", "add one, with a tool that the image has", false},

	{"manifest-refused", Error, "the manifest breaks the contract in another way", "mend the manifest", false},
	{"manifest-value-ignored", Warning, "a value in the manifest cannot be used and is ignored", "mend the value, or remove it", false},
	{"unknown-key", Warning, "the contract has no such key", "correct its spelling, or remove it", false},
	{"setup-hook-unused", Warning, "there is a `setup_hook`: it is never run", "declare env_vars with generate, and data_dirs, instead", false},
	{"service-id-reserved", Error, "an extension that is not built in has an id of the platform's", "choose another id", false},
	{"service-category-reserved", Error, "an extension that is not built in has the category core", "write optional or recommended", false},
	{"compatibility-invalid", Error, "`compatibility` is no range of versions", "write dream_min and dream_max as versions, such as \"2.1.0\"", false},
	{"compatibility-excluded", Error, "`compatibility` excludes this version of the platform", "widen the range, or look for another version of the extension", false},
	{"alias-invalid", Warning, "an alias cannot be typed, or is longer than 64 characters: it is ignored", "write 1 to 64 letters, digits, _ and -", false},
	{"alias-shadows-service", Error, "an alias is another service's id or container name", "choose another alias", false},
	{"container-name-collision", Error, "a container's name is another extension's, too", "choose another name", false},
	{"port-collision", Error, "a default port on this machine is another extension's, a core service's or the host agent's", "choose another default", false},
	{"variable-collision", Error, "two extensions publish a port by one variable, or declare one with different types or defaults", "give one of them another name, which begins with the extension's id", false},
	{"dependency-cycle", Error, "`depends_on` leads back to the extension", "take one of the dependencies out", false},
	{"icon-unknown", Warning, "an icon is none of lucide.dev: pages draw nothing for it", "write a name as lucide.dev has it, such as MessageSquare", false},
	{"feature-icon-missing", Warning, "a feature has no icon", "write a name as lucide.dev has it", false},
	{"feature-requirements-missing", Warning, "a feature does not say which services it needs, or how much memory of a GPU", "write requirements with services and vram_gb", false},
	{"feature-setup-time-missing", Warning, "a feature does not say how long its set-up takes", "write setup_time", false},
	{"compose-refused", Error, "Docker Compose would refuse the files, or a variable that they cannot do without is not declared", "mend the file", false},
	{"compose-state-ambiguous", Error, "the compose file is there both enabled and disabled", "remove one of them", false},
	{"compose-state-unexpected", Warning, "a built-in extension does not ship in the state of its category: recommended ones are on, optional ones off", "rename the file, or change the category", false},
	{"overlay-incomplete", Error, "the compose file has no image, and an overlay of a declared backend adds none", "write the image of that backend in the overlay", false},
	{"overlay-image-same", Warning, "an overlay repeats the image of the compose file", "write the image of that backend, or leave it out", false},
	{"overlay-empty", Warning, "an overlay of a declared backend changes nothing of any service", "write what the backend adds, or remove the file", false},
	{"gpu-not-optional", Warning, "the compose file takes a vendor's GPU, and the manifest declares backends without one", "move it to the vendor's overlay, or take the backend out of service.gpu_backends", false},
	{"healthcheck-mismatch", Warning, "the healthcheck asks for another port or path than the manifest names", "ask for service.health at service.port, or set service.health_port", false},
	{"healthcheck-localhost", Warning, "a healthcheck names localhost, which may be ::1 in the container", "write 127.0.0.1", false},
	{"variable-undeclared", Warning, "a compose file reads a variable that the manifest does not declare", "declare it in service.env_vars", false},
	{"variable-unused", Warning, "a declared variable is read by no compose file", "use it, or remove it", false},
	{"variable-default-mismatch", Warning, "manifest and compose file have different defaults for a variable", "write the same in both", false},
	{"variable-required-mismatch", Warning, "a variable is required in only one of manifest and compose file", "write required: true and ${NAME:?why}, or a default in both", false},
	{"variable-reserved", Error, "a variable that is the platform's own, or acts on the programs that read an environment, is declared", "give it another name, such as MY_SERVICE_NAME", false},
	{"files-refused", Error, "the folder holds a link, a special file, too many files or too much", "keep a few small files", false},
	{"security-refused", Error, "the security scan refuses the extension", "see docs/security.md", false},
	{"image-unpinned", Warning, "an image has no version: it costs 2 of the rating's 8 points", "write a tag with a version, and its digest", false},
	{"limits-missing", Warning, "a service has no memory limit: it costs a point of the rating", "add deploy.resources.limits.memory", false},
	{"privileges-open", Warning, "a service lacks no-new-privileges: it costs a point of the rating", "add security_opt: [\"no-new-privileges:true\"]", false},
	{"helper-healthcheck-missing", Warning, "a service beside the main one has no healthcheck, and does not run once: it costs a point of the rating", "add one, with a tool that the image has", false},
	{"compose-file-unread", Warning, "a file looks like a compose file and is read on no machine", "remove it, or name it after what it is for", false},
	{"text-bom", Warning, "a file begins with a byte order mark", "save it as UTF-8 without one", true},
	{"text-crlf", Warning, "a file has CRLF line ends", "save it with LF", true},
	{"text-not-ascii", Warning, "a manifest or compose file holds characters beyond ASCII, or a file's name does", "write ASCII: some terminals and tools of others spoil the rest", false},
}

// ruleOf is the rule of a code. A code without one is a mistake in this package.
func ruleOf(code string) Rule {
	for _, r := range Rules {
		if r.Code == code {
			return r
		}
	}
	panic("no audit rule " + code)
}
