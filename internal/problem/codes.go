package problem

import (
	"maps"
	"net/http"
	"slices"

	"github.com/containerd/errdefs"
)

// Code is a stable, machine-readable name of a refusal. Clients may match it; its text never changes.
type Code string

// The codes, by what a client can do about them.
const (
	// The request is wrong.

	InvalidArgument  Code = "invalid_argument"
	InvalidParameter Code = "invalid_parameter"
	InvalidBody      Code = "invalid_body"
	BodyTooLarge     Code = "body_too_large"
	Unauthorized     Code = "unauthorized"
	TooManyAttempts  Code = "too_many_attempts"
	Forbidden        Code = "forbidden"
	NotFound         Code = "not_found"
	MethodNotAllowed Code = "method_not_allowed"

	// The state does not allow it.

	Conflict            Code = "conflict"
	CoreService         Code = "core_service"
	ReservedID          Code = "reserved_id"
	AlreadyInstalled    Code = "already_installed"
	AlreadyEnabled      Code = "already_enabled"
	AlreadyDisabled     Code = "already_disabled"
	StillEnabled        Code = "still_enabled"
	NotEnabled          Code = "not_enabled"
	MissingDependencies Code = "missing_dependencies"
	DependencyCycle     Code = "dependency_cycle"
	Incompatible        Code = "incompatible"
	Busy                Code = "busy"
	PortTaken           Code = "port_taken"
	GrantsRequired      Code = "grants_required"
	WrongPlatform       Code = "wrong_platform"
	Cancelled           Code = "cancelled"
	PlanChanged         Code = "plan_changed"

	// The extension is not acceptable.

	InvalidExtension  Code = "invalid_extension"
	ExtensionTooLarge Code = "extension_too_large"
	ScanRefused       Code = "scan_refused"
	MissingConfig     Code = "missing_config"
	InvalidConfig     Code = "invalid_config"
	Quarantined       Code = "quarantined"
	PolicyDenied      Code = "policy_denied"

	// Something that we depend on does not work.

	Unavailable        Code = "unavailable"
	LibraryUnavailable Code = "library_unavailable"
	APIAway            Code = "api_away"
	AgentNoSocket      Code = "agent_no_socket"
	AgentRefused       Code = "agent_refused"
	AgentUnauthorized  Code = "agent_unauthorized"
	AgentHung          Code = "agent_hung"
	DockerUnavailable  Code = "docker_unavailable"
	GPUUnavailable     Code = "gpu_unavailable"
	ReadOnly           Code = "read_only"
	DataReadOnly       Code = "data_read_only"
	DiskFull           Code = "disk_full"
	ShuttingDown       Code = "shutting_down"
	PolicyUnavailable  Code = "policy_unavailable"
	PolicyLocked       Code = "policy_locked"

	// It was tried and did not work.

	StartFailed    Code = "start_failed"
	StopFailed     Code = "stop_failed"
	OutcomeUnknown Code = "outcome_unknown"
	Interrupted    Code = "interrupted"
	Internal       Code = "internal"
)

type row struct {
	status int
	kind   error
	title  string
}

// table is the one place where a code meets HTTP. A malformed id is NotFound: it names nothing.
var table = map[Code]row{
	InvalidArgument:  {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Invalid argument"},
	InvalidParameter: {http.StatusUnprocessableEntity, errdefs.ErrInvalidArgument, "Invalid parameter"},
	InvalidBody:      {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Invalid request body"},
	BodyTooLarge:     {http.StatusRequestEntityTooLarge, errdefs.ErrInvalidArgument, "Request body too large"},
	Unauthorized:     {http.StatusUnauthorized, errdefs.ErrUnauthenticated, "Authentication required"},
	TooManyAttempts:  {http.StatusTooManyRequests, errdefs.ErrResourceExhausted, "Too many attempts"},
	Forbidden:        {http.StatusForbidden, errdefs.ErrPermissionDenied, "Forbidden"},
	NotFound:         {http.StatusNotFound, errdefs.ErrNotFound, "Not found"},
	MethodNotAllowed: {http.StatusMethodNotAllowed, errdefs.ErrInvalidArgument, "Method not allowed"},

	Conflict:            {http.StatusConflict, errdefs.ErrConflict, "Conflict"},
	CoreService:         {http.StatusForbidden, errdefs.ErrPermissionDenied, "Core service"},
	ReservedID:          {http.StatusForbidden, errdefs.ErrPermissionDenied, "Reserved id"},
	AlreadyInstalled:    {http.StatusConflict, errdefs.ErrConflict, "Already installed"},
	AlreadyEnabled:      {http.StatusConflict, errdefs.ErrConflict, "Already enabled"},
	AlreadyDisabled:     {http.StatusConflict, errdefs.ErrConflict, "Already disabled"},
	StillEnabled:        {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Still enabled"},
	NotEnabled:          {http.StatusConflict, errdefs.ErrConflict, "Not enabled"},
	MissingDependencies: {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Missing dependencies"},
	DependencyCycle:     {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Dependency cycle"},
	Incompatible:        {http.StatusConflict, errdefs.ErrConflict, "Incompatible"},
	Busy:                {http.StatusConflict, errdefs.ErrConflict, "Busy"},
	PortTaken:           {http.StatusConflict, errdefs.ErrConflict, "Port taken"},
	WrongPlatform:       {http.StatusConflict, errdefs.ErrConflict, "Wrong platform"},
	Cancelled:           {http.StatusConflict, errdefs.ErrConflict, "Cancelled"},
	GrantsRequired:      {http.StatusConflict, errdefs.ErrConflict, "Grants required"},
	PlanChanged:         {http.StatusConflict, errdefs.ErrConflict, "Plan changed"},

	InvalidExtension:  {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Invalid extension"},
	ExtensionTooLarge: {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Extension too large"},
	ScanRefused:       {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Refused by the security scan"},
	MissingConfig:     {http.StatusUnprocessableEntity, errdefs.ErrInvalidArgument, "Configuration missing"},
	InvalidConfig:     {http.StatusUnprocessableEntity, errdefs.ErrInvalidArgument, "Invalid configuration"},
	PolicyDenied:      {http.StatusForbidden, errdefs.ErrPermissionDenied, "Refused by a policy"},
	Quarantined:       {http.StatusBadRequest, errdefs.ErrInvalidArgument, "Quarantined"},

	Unavailable:        {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Unavailable"},
	LibraryUnavailable: {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Extensions library unavailable"},
	APIAway:            {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "The API does not answer"},
	AgentNoSocket:      {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Host agent not running"},
	AgentRefused:       {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Host agent refuses connections"},
	AgentUnauthorized:  {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Host agent rejects the key"},
	AgentHung:          {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Host agent does not answer"},
	DockerUnavailable:  {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Docker Engine unavailable"},
	GPUUnavailable:     {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "GPU unavailable"},
	ReadOnly:           {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Read-only"},
	DataReadOnly:       {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Data directory not writable"},
	DiskFull:           {http.StatusInsufficientStorage, errdefs.ErrUnavailable, "Disk full"},
	PolicyUnavailable:  {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Policy unavailable"},
	PolicyLocked:       {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Policies locked"},
	ShuttingDown:       {http.StatusServiceUnavailable, errdefs.ErrUnavailable, "Shutting down"},

	StartFailed:    {http.StatusBadGateway, errdefs.ErrUnknown, "Start failed"},
	StopFailed:     {http.StatusBadGateway, errdefs.ErrUnknown, "Stop failed"},
	Interrupted:    {http.StatusBadGateway, errdefs.ErrUnknown, "Interrupted"},
	OutcomeUnknown: {http.StatusBadGateway, errdefs.ErrUnknown, "Outcome unknown"},
	Internal:       {http.StatusInternalServerError, errdefs.ErrInternal, "Internal error"},
}

func (c Code) row() row {
	if r, ok := table[c]; ok {
		return r
	}
	return table[Internal]
}

// Status is the HTTP status of the code; an unknown code is 500.
func (c Code) Status() int { return c.row().status }

// Title is the code in words.
func (c Code) Title() string { return c.row().title }

// AgentAway reports whether err means that no request reached a working agent, so that nothing was done.
func AgentAway(err error) bool {
	return HasCode(err, AgentNoSocket, AgentRefused, AgentUnauthorized, AgentHung)
}

// Codes lists every code, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(table)) }
