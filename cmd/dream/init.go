package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"dreamserver"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// initialized is what init did.
type initialized struct {
	InstallDir string   `json:"install_dir"`
	Version    string   `json:"version"`
	UID        int      `json:"uid"`
	GID        int      `json:"gid"`
	GPUBackend string   `json:"gpu_backend"`
	Made       []string `json:"made"`    // folders and files that were not there
	Updated    []string `json:"updated"` // files that were another version
	Unchanged  int      `json:"unchanged"`
	Settings   []string `json:"settings"` // keys that were added to .env
}

// person is a user and a group by number.
type person struct{ uid, gid int }

func (a *app) initCommand() *cobra.Command {
	var p person
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make an installation, or bring its shipped files up to date",
		Long: `Makes the folders, writes the files that ship with this version, and generates keys. Run again, it changes only
what is not as it ships: own changes belong into .env and docker-compose.override.yml, which it never overwrites.
Built-in extensions stay switched on or off.

A new installation belongs to --uid and --gid, else to you, else, when you are root, to who called sudo, or to
1000:1000. The owner is recorded in .env and stays. Settings that are in the environment now and not yet in .env, such as
DASHBOARD_PORT, are recorded there; so is the GPU backend that this machine's drivers show, where nobody says one.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().IntVar(&p.uid, "uid", -1, "number of the user who owns the installation")
	cmd.Flags().IntVar(&p.gid, "gid", -1, "number of that user's group")
	cmd.MarkFlagsRequiredTogether("uid", "gid")
	cmd.RunE = a.action(func(ctx context.Context, _ []string) error {
		if cmd.Flags().Changed("uid") && (p.uid < 0 || p.gid < 0) {
			return usageError{errors.New("--uid and --gid are numbers of a user and a group")}
		}
		return a.initialize(ctx, p)
	})
	return cmd
}

func (a *app) initialize(ctx context.Context, asked person) error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	dir := settings.InstallDir
	if err := checkPlace(dir, a.getenv("HOME")); err != nil {
		return problem.Newf(problem.InvalidArgument, "%w", err)
	}
	owner, err := a.owner(settings, asked)
	if err != nil {
		return err
	}
	l := &layout{assets: dreamserver.Assets, settings: settings, root: os.Geteuid() == 0, uid: owner.uid, gid: owner.gid}
	if err := l.apply(); err != nil {
		return storageError(err)
	}
	added, err := a.writeEnv(ctx, l)
	if err != nil {
		return storageError(err)
	}
	return a.showInit(l, added)
}

// owner decides whose the installation is.
func (a *app) owner(s config.Settings, asked person) (person, error) {
	recorded := person{s.UID, s.GID}
	self := person{os.Geteuid(), os.Getegid()}
	var owner person
	switch {
	case recorded.uid >= 0 && recorded.gid >= 0:
		if asked.uid >= 0 && asked != recorded {
			return owner, problem.Newf(problem.Conflict, "the installation belongs to %d:%d: to give it away, change DREAM_UID and DREAM_GID in %s and run init again",
				recorded.uid, recorded.gid, s.EnvFile)
		}
		owner = recorded
	case asked.uid >= 0:
		owner = asked
	case self.uid != 0:
		owner = self
	case isInstallation(s.InstallDir):
		info, err := os.Stat(s.InstallDir)
		if err != nil {
			return owner, storageError(err)
		}
		owner = ownerOf(info)
	default:
		owner = a.behindSudo()
	}
	if self.uid != 0 && owner.uid != self.uid {
		return owner, problem.Newf(problem.Forbidden, "the installation belongs to user %d and you are user %d: run init as that user or with sudo", owner.uid, self.uid)
	}
	return owner, nil
}

// behindSudo is who called sudo, else the first user that distributions make.
func (a *app) behindSudo() person {
	uid, err1 := strconv.Atoi(a.getenv("SUDO_UID"))
	gid, err2 := strconv.Atoi(a.getenv("SUDO_GID"))
	if err1 != nil || err2 != nil || uid == 0 {
		return person{1000, 1000}
	}
	return person{uid, gid}
}

// recordedKeys are settings that decide what the installation is and where it is reached. Given in the environment
// of the first init, they must hold for programs that are started without it.
var recordedKeys = []string{
	"DREAM_PROJECT", "DREAM_NETWORK", "DREAM_CONTAINER_PREFIX", "DREAM_API_IMAGE",
	"DREAM_AGENT_PORT", "DREAM_AGENT_TCP", "DASHBOARD_API_PORT", "DASHBOARD_PORT", "OLLAMA_PORT", "WEBUI_PORT",
	"DASHBOARD_ALLOWED_ORIGINS", "DASHBOARD_ALLOWED_HOSTS", "DASHBOARD_LAN_ADDRESS", "GPU_COUNT", "TIER", "DREAM_MODE",
}

const envHead = `# Settings of this installation; the environment of a program wins over them.
# It holds keys: keep it readable by its owner alone.
`

// writeEnv adds the settings that .env lacks, and returns their keys.
func (a *app) writeEnv(ctx context.Context, l *layout) ([]string, error) {
	s := l.settings
	pairs := []config.Pair{
		{Key: "DREAM_UID", Value: strconv.Itoa(l.uid)},
		{Key: "DREAM_GID", Value: strconv.Itoa(l.gid)},
		{Key: "GPU_BACKEND", Value: a.gpuBackend(ctx, s)},
		{Key: "DASHBOARD_API_KEY", Value: a.given("DASHBOARD_API_KEY", config.NewKey().Reveal())},
		{Key: "DREAM_AGENT_KEY", Value: a.given("DREAM_AGENT_KEY", config.NewKey().Reveal())},
		{Key: "DREAM_AGENT_API_KEY", Value: a.given("DREAM_AGENT_API_KEY", config.NewKey().Reveal())},
		{Key: "WEBUI_SECRET", Value: config.NewKey().Reveal()},
	}
	for _, key := range recordedKeys {
		pairs = append(pairs, config.Pair{Key: key, Value: a.getenv(key)})
	}
	for _, dir := range []struct{ key, path, usual string }{
		{"DREAM_DATA_DIR", s.DataDir, filepath.Join(s.InstallDir, "data")},
		{"DREAM_STATE_DIR", s.StateDir, filepath.Join(s.InstallDir, "state")},
		{"DREAM_AGENT_SOCKET", s.AgentSocket, filepath.Join(s.InstallDir, "run", "agent.sock")},
	} {
		if dir.path != dir.usual {
			pairs = append(pairs, config.Pair{Key: dir.key, Value: dir.path})
		}
	}
	before, err := config.ReadEnv(s.EnvFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = l.writeMode(s.EnvFile, []byte(envHead), 0o600)
	}
	if err != nil {
		return nil, err
	}
	if err := config.SetEnv(s.EnvFile, pairs...); err != nil {
		return nil, err
	}
	added := []string{}
	for _, p := range pairs {
		if before[p.Key] == "" && p.Value != "" {
			added = append(added, p.Key)
		}
	}
	slices.Sort(added)
	return added, l.protect(s.EnvFile)
}

// given is the value in the environment, else the other.
func (a *app) given(key, other string) string {
	if v := a.getenv(key); v != "" {
		return v
	}
	return other
}

// gpuBackend is what the owner says, in .env or the environment, else what this machine's drivers show. It is looked
// for once: what is recorded stays.
func (a *app) gpuBackend(ctx context.Context, s config.Settings) string {
	if said := cmp.Or(a.getenv("GPU_BACKEND"), s.Env["GPU_BACKEND"]); said != "" {
		return said
	}
	return a.machine().Detect(ctx)
}

// machine is where GPUs are looked for.
func (a *app) machine() *gpu.Machine {
	if a.gpus != nil {
		return a.gpus
	}
	return gpu.NewMachine(gpu.Options{})
}

func (a *app) showInit(l *layout, added []string) error {
	settings, err := config.Load(a.lookup())
	if err != nil {
		return problem.Newf(problem.InvalidArgument, "settings: %w", err)
	}
	done := initialized{
		InstallDir: settings.InstallDir, Version: config.Version(), UID: l.uid, GID: l.gid, GPUBackend: settings.GPUBackend,
		Made: append([]string{}, l.made...), Updated: append([]string{}, l.updated...), Unchanged: l.same, Settings: added,
	}
	if a.json {
		return a.printJSON(done)
	}
	if len(l.made)+len(l.updated)+len(added) == 0 {
		a.print("%s is up to date (version %s, owner %d:%d, GPU backend %s).", done.InstallDir, done.Version, done.UID, done.GID, done.GPUBackend)
		return nil
	}
	a.print("%s is ready (version %s, owner %d:%d, GPU backend %s).", done.InstallDir, done.Version, done.UID, done.GID, done.GPUBackend)
	if len(l.made) > 0 {
		a.print("  made     %d folders and files", len(l.made))
	}
	for _, name := range l.updated {
		a.print("  updated  %s", seenFrom(done.InstallDir, name))
	}
	if len(added) > 0 {
		a.print("  .env     added %s", list(added))
	}
	return nil
}

// storageError says what to do about a folder that cannot be written.
func storageError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return problem.Newf(problem.DataReadOnly, "%w: run init as the folder's owner or with sudo", err)
	case errors.Is(err, syscall.EROFS):
		return problem.Newf(problem.DataReadOnly, "%w: name a folder that can be written with --install-dir", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return problem.Newf(problem.DiskFull, "%w: free some space and run init again", err)
	}
	return fmt.Errorf("init: %w", err)
}
