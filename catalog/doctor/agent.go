package doctor

import "dreamserver/internal/problem"

// Agent is how the host agent answers.
type Agent struct {
	Available bool
	Denied    bool         // who looks may not ask it
	Code      problem.Code // why not
	Reason    string       // the same in words
	Version   string
	Mismatch  string // set when the agent's version is not ours
	Policies  string // why its policies keep everything from being started; empty when they do not
}

func (a Agent) judge(service Service) []Finding {
	switch {
	case a.Denied:
		return []Finding{{Severity: Skipped, Title: "the host agent takes no question from this user", Detail: a.Reason, Fix: seeMore}}
	case !a.Available:
		return []Finding{{
			Severity: Error, Title: "the host agent is away (" + string(a.Code) + "): nothing can be started or stopped", Detail: a.Reason, Fix: a.fix(service),
		}}
	case a.Policies != "":
		return []Finding{{
			Severity: Error, Title: "the policies are locked: nothing can be installed, enabled or started", Detail: a.Policies,
			Fix: "mend config/server/config.yml, or what it names\n" + a.restart(service),
		}}
	case a.Mismatch != "":
		return []Finding{{Severity: Warning, Title: "the host agent is of another version", Detail: a.Mismatch, Fix: "make run"}}
	}
	return fine("the host agent answers (version " + a.Version + ")")
}

// restart has the agent read its settings again.
func (a Agent) restart(service Service) string {
	if service.ours() {
		return "sudo systemctl restart dream-host-agent"
	}
	return "make stop && make run"
}

// fix is what to do, by why the agent does not answer and by who started it.
func (a Agent) fix(service Service) string {
	start, restart := "make run", a.restart(service)
	if service.ours() {
		start = "sudo systemctl start dream-host-agent"
	}
	switch a.Code {
	case problem.AgentHung:
		return restart
	case problem.AgentUnauthorized:
		return "remove DREAM_AGENT_KEY from the environment, if it is set there\n" + restart + ", so that the agent reads .env again"
	case problem.AgentRefused:
		return start + "\nor, if it runs and takes no connection from this user: " + seeMore
	}
	return start
}

// Service is the host agent's unit of systemd.
type Service struct {
	File   string
	Exists bool
	// Install is the installation that it is for, when that is another than the one that is looked at.
	Install  string
	Outdated []string // lines of the shipped unit that it lacks
}

// ours reports whether systemd runs the agent of this installation.
func (s Service) ours() bool { return s.Exists && s.Install == "" }

func (s Service) judge() []Finding {
	switch {
	case !s.Exists:
		return fine("the host agent is no system service: it does not come back by itself after a reboot")
	case s.Install != "":
		return fine(s.File + " is for another installation, " + s.Install)
	case len(s.Outdated) > 0:
		return []Finding{{
			Severity: Warning, Title: s.File + " is of another version", Detail: "It lacks:\n" + some(s.Outdated), Fix: "make run, as root or with sudo",
		}}
	}
	return fine(s.File + " is as this version ships it")
}
