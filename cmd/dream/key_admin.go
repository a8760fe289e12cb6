package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

const (
	adminKeyVariable = "DASHBOARD_API_KEY"
	apiService       = "dashboard-api"
	agentProgram     = "dream-host-agent"
)

func (a *app) keyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print the key in .env, DASHBOARD_API_KEY, and nothing else",
		Long: `Print the key in .env, DASHBOARD_API_KEY, and nothing else, for the installation's owner and root. It may do everything: a
program that needs less gets one of its own, with ` + "`dream key add`" + `.`,
		Example: "  KEY=$(dream key show)\n" +
			`  printf 'Authorization: Bearer %s' "$(dream key show)" | curl -H @- http://127.0.0.1:3002/api/status`,
		Args: cobra.NoArgs,
		RunE: a.action(func(context.Context, []string) error { return a.showKey() }),
	}
}

func (a *app) showKey() error {
	key, _, err := a.adminKey()
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"key": key})
	}
	a.print("%s", key)
	return nil
}

// adminKey is the key in .env, which the API of the installation has, and the rest of .env.
func (a *app) adminKey() (key string, env map[string]string, err error) {
	settings, err := a.settings()
	if err != nil {
		return "", nil, err
	}
	if !isInstallation(settings.InstallDir) {
		return "", nil, noInstallation(settings)
	}
	env, err = config.ReadEnv(settings.EnvFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, problem.Newf(problem.NotFound, "there is no %s: `dream init` makes it, with a key", settings.EnvFile)
	case errors.Is(err, fs.ErrPermission):
		return "", nil, problem.Newf(problem.Forbidden, "%s is for its owner alone: do it as the installation's owner or with sudo", settings.EnvFile)
	case err != nil:
		return "", nil, err
	}
	if key = env[adminKeyVariable]; key == "" {
		return "", nil, problem.Newf(problem.NotFound, "%s has no %s: `dream init` makes one", settings.EnvFile, adminKeyVariable)
	}
	if own := a.getenv(adminKeyVariable); own != "" && own != key {
		a.warn("%s in the environment is another key than that of the installation, which is in %s", adminKeyVariable, settings.EnvFile)
	}
	return key, env, nil
}

// rotated is what became of the old key.
type rotated struct {
	Action    string   `json:"action"`    // rotated
	Restarted []string `json:"restarted"` // has the new key
	Restart   []string `json:"restart"`   // is to be restarted by hand, if it runs
}

func (a *app) keyRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Put a new key into .env, in place of DASHBOARD_API_KEY, and restart the API with it",
		Long: `The old key opens nothing any more once the API has restarted, and every session ends: who is signed in signs in again.
Programs that have the old key need the new one, which ` + "`dream key show`" + ` prints. Named keys stay as they are.

Where the API runs in its container, that is made anew. An API that was started in another way is for you to restart.`,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.rotateKey(ctx) }),
	}
}

func (a *app) rotateKey(ctx context.Context) error {
	_, env, err := a.adminKey()
	if err != nil {
		return err
	}
	in, err := a.open() // its agent knows the old keys
	if err != nil {
		return err
	}
	edit := config.EnvEdit{Key: adminKeyVariable, Value: config.NewKey().Reveal()}
	if err := config.UpdateEnv(in.settings.EnvFile, edit); err != nil {
		return keyError(in.settings.EnvFile, err)
	}
	done := rotated{Action: "rotated", Restarted: []string{}, Restart: []string{}}
	switch ran, err := a.restartAPI(ctx, in); {
	case err != nil:
		return problem.Newf(problem.As(err).Code, "%s is another now, and the API has not got it: until it restarts, the old key opens it and the new one does not: "+
			"run `dream up %s`, or restart it yourself: %w", adminKeyVariable, apiService, err)
	case ran:
		done.Restarted = append(done.Restarted, apiService)
	default:
		done.Restart = append(done.Restart, apiService)
	}
	if env["DREAM_AGENT_KEY"] == "" { // an old .env: the same key is the agent's
		done.Restart = append(done.Restart, agentProgram)
	}
	if a.json {
		return a.printJSON(done)
	}
	a.print("%s is a new key: `dream key show` prints it.", adminKeyVariable)
	if len(done.Restarted) > 0 {
		a.print("The API has restarted with it. The old key opens nothing any more, and every session has ended.")
	}
	if slices.Contains(done.Restart, apiService) {
		a.print("No container of %s runs. If it runs otherwise, restart it: until then it takes the old key.", apiService)
	}
	if slices.Contains(done.Restart, agentProgram) {
		a.print("It is the key of the host agent, too, because .env has no DREAM_AGENT_KEY: restart %s.", agentProgram)
	}
	return nil
}

// restartAPI makes the API's container anew, which the engine does because its settings are others. It reports false
// where no such container runs.
func (a *app) restartAPI(ctx context.Context, in *installation) (bool, error) {
	state, err := in.agent.Containers(ctx)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(state.Containers, func(c compose.Container) bool { return c.Service == apiService })
	if i < 0 || state.Containers[i].State != "running" {
		return false, nil
	}
	report, err := in.agent.Up(ctx, []string{apiService}, true, a.progress())
	if err != nil {
		return false, err
	}
	if reason, failed := report.Failed[apiService]; failed {
		return false, problem.Newf(problem.StartFailed, "%s: %s", apiService, reason)
	}
	if slices.ContainsFunc(report.Started, func(r catalog.Report) bool { return r.ID == apiService && r.Unchanged }) {
		return false, problem.Newf(problem.StartFailed, "the host agent finds nothing changed: %s is in its own environment, which wins over .env", adminKeyVariable)
	}
	return true, nil
}
