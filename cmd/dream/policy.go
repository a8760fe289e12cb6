package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/config"
	"dreamserver/security/policy"
	"dreamserver/security/policy/kit"
)

const policyHelp = `A policy changes or refuses what is applied; docs/policies.md says how one is written. audit shows what they decided, and
drift what runs and was not approved. The others are for who writes a policy, and start no container.

P is one of: the path of a program, with a slash in it; the address of a server (http://, https://, unix://); a file of
rules (.yaml); a plugin or rule of config/server/config.yml, by its name; the name of one that is compiled in. Programs
are run as you, in the environment that the host agent gives them.`

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "What policies decided and what runs without them; try and test one",
		Long:  policyHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("name what to do: %s COMMAND", cmd.UseLine())
		},
	}
	cmd.AddCommand(a.policyEvalCommand(), a.policyTestCommand(), a.policyConformanceCommand(), a.policyAuditCommand(), a.policyDriftCommand())
	return cmd
}

// The exit codes of these commands beside 0 and 1.
const (
	exitRejected  = 2 // a policy refuses, a case is not as expected, a check has failed
	exitUndecided = 3 // a policy cannot decide, or cannot be asked
)

// ended is what has been told already, and ends the program with this code.
type ended struct {
	error
	code int
}

func (e ended) Unwrap() error { return reported{e.error} }

// targetFlags are of every command that asks a policy.
type targetFlags struct {
	config  string
	timeout time.Duration
}

func (t *targetFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.config, "config", "", "its config as JSON, in place of what config.yml has")
	cmd.Flags().DurationVar(&t.timeout, "timeout", 0, "time for one answer, in place of what the agent allows")
}

// options are what a policy is found with: those of the installation where there is one.
func (a *app) policyOptions(t targetFlags) (kit.Options, error) {
	o := kit.Options{Timeout: t.timeout, Sources: policy.Sources{Owner: -1, Getenv: a.getenv}}
	if t.config != "" {
		if !json.Valid([]byte(t.config)) {
			return o, usageError{errors.New("--config is no JSON")}
		}
		o.Config = json.RawMessage(t.config)
	}
	settings, err := a.settings()
	if err != nil || !isInstallation(settings.InstallDir) {
		return o, nil //nolint:nilerr // a policy is tested without an installation as well
	}
	return installedPolicies(o, settings)
}

// installedPolicies adds what the installation's config lists.
func installedPolicies(o kit.Options, settings config.Settings) (kit.Options, error) {
	file := filepath.Join(settings.InstallDir, policy.ConfigFile)
	o.Sources.Owner = settings.UID
	o.Sources.Dir = filepath.Join(filepath.Dir(file), "plugins")
	o.Sources.Getenv = func(key string) string { return settings.Env[key] }
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		o.Installed, err = policy.ParseConfig(data)
	}
	return o, err
}
