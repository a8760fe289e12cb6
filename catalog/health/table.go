package health

// Row is one line of the table: whatever fits all four columns gets the status. An empty column fits everything.
type Row struct {
	Desired   Desired
	Container []Condition
	Docker    []Check
	Probe     []Outcome
	Status    Status
	// Reason is the text, with {probe} and {container} for what each of them said.
	Reason string
}

// Check is what Docker's own healthcheck says.
type Check string

// The checks.
const (
	CheckNone      Check = "none"
	CheckStarting  Check = "starting"
	CheckHealthy   Check = "healthy"
	CheckUnhealthy Check = "unhealthy"
)

// Checks are all of them.
var Checks = []Check{CheckNone, CheckStarting, CheckHealthy, CheckUnhealthy}

var (
	notRunning = []Condition{Absent, Created, Stopped, Finished, Failed, Removing}
	running    = []Condition{Running, Young}
)

// Table says what follows from what is wanted, how the container is, what Docker's healthcheck says and what the probe
// found. The first row that fits counts; docs/health.md shows them all.
var Table = []Row{
	{Desired: Off, Container: notRunning, Status: NotDeployed, Reason: "it is switched off"},
	{Desired: Off, Container: []Condition{Unseen}, Status: Unknown, Reason: "it is switched off, and nobody can tell whether its container still runs"},

	{Container: []Condition{Absent}, Status: NotDeployed, Reason: "it has no container"},
	{Container: []Condition{Created, Restarting, Failed}, Status: Down, Reason: "its container {container}"},
	{Container: []Condition{Paused}, Status: Down, Reason: "its container is paused"},
	{Container: []Condition{Stopped}, Status: Down, Reason: "its container is stopped"},
	{Container: []Condition{Removing}, Status: Down, Reason: "its container is being removed"},
	{Container: []Condition{Finished}, Probe: []Outcome{NoProbe}, Status: Healthy},
	{Container: []Condition{Finished}, Status: Down, Reason: "its container has done its work and ended, so that nothing answers"},

	{Container: running, Docker: []Check{CheckUnhealthy}, Status: Unhealthy, Reason: "its container {container}"},
	{Container: running, Docker: []Check{CheckStarting}, Status: Starting, Reason: "its healthcheck has not passed yet"},
	{
		Container: running, Docker: []Check{CheckHealthy}, Probe: []Outcome{ServerError, TimedOut, Refused, Unreachable, Garbled},
		Status: Degraded, Reason: "its healthcheck passes, but a request fails: {probe}",
	},
	{Container: running, Docker: []Check{CheckHealthy}, Status: Healthy},

	{Probe: []Outcome{Answered}, Status: Healthy},
	{Container: []Condition{Young}, Probe: []Outcome{Pending}, Status: Starting, Reason: "its container has just started"},
	{
		Container: []Condition{Young}, Probe: []Outcome{ClientError, ServerError, TimedOut, Refused, Unreachable, Garbled, NoName},
		Status: Starting, Reason: "its container has just started: {probe}",
	},
	{Probe: []Outcome{ClientError, ServerError, Garbled}, Status: Unhealthy, Reason: "{probe}"},
	{Probe: []Outcome{TimedOut}, Status: Degraded, Reason: "{probe}"},
	{Probe: []Outcome{Refused, Unreachable}, Status: Down, Reason: "{probe}"},
	{Container: []Condition{Running}, Probe: []Outcome{NoName}, Status: Unknown, Reason: "its container runs, but its name is not known where the question comes from"},
	{Probe: []Outcome{NoName}, Status: NotDeployed, Reason: "{probe}"},
	{Probe: []Outcome{Pending}, Status: Unknown, Reason: "it has not been asked yet"},
	{Probe: []Outcome{Unable}, Status: Unknown, Reason: "it could not be asked: {probe}"},
	{Container: running, Probe: []Outcome{NoProbe}, Status: Unknown, Reason: "its container runs, but has no healthcheck, and it is not asked: {probe}"},
	{Status: Unknown, Reason: "nobody can tell whether its container runs, and it is not asked: {probe}"},
}
