package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// keyFolderMode lets the API in, which runs as the install's owner, and whoever may read config/: the files hold
// no key.
const keyFolderMode = 0o755

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make, list, remove, show and exchange keys of the API",
		Long: `A key lets a program call the API. Its scope says what for: metrics, read, operate (start, stop and switch what is
installed) or admin (install and uninstall, too); each may do what those before it may. DASHBOARD_API_KEY in .env is
a key of scope admin: show prints it, rotate puts another in its place.

Of the others only a digest is kept. The API sees at once that one was made or removed.`,
	}
	cmd.AddCommand(a.keyAddCommand(), a.keyListCommand(), a.keyRemoveCommand(), a.keyShowCommand(), a.keyRotateCommand())
	return cmd
}

// madeKey is the answer of key add: the only time that the key is shown.
type madeKey struct {
	Name    string       `json:"name"`
	Scope   config.Scope `json:"scope"`
	Expires time.Time    `json:"expires,omitzero"`
	Key     string       `json:"key"`
}

func (a *app) keyAddCommand() *cobra.Command {
	var scope string
	var lasts time.Duration
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a key and print it, once",
		Example: `  dream key add prometheus --scope metrics
  dream key add backup --scope operate --expires 720h`,
		Args: exactlyOneKey,
		RunE: a.action(func(_ context.Context, args []string) error {
			switch {
			case !slices.Contains(config.Scopes(), config.Scope(scope)):
				return usageError{fmt.Errorf("there is no scope %q: use admin, operate, read or metrics", scope)}
			case lasts < 0:
				return usageError{errors.New("--expires is a time from now, such as 720h")}
			}
			return a.addKey(args[0], config.Scope(scope), lasts)
		}),
	}
	cmd.Flags().StringVar(&scope, "scope", "", "admin, operate, read or metrics")
	cmd.Flags().DurationVar(&lasts, "expires", 0, "how long it lasts, such as 720h; without, until it is removed")
	_ = cmd.MarkFlagRequired("scope")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"admin", "operate", "read", "metrics"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// exactlyOneKey takes a name that a key may have.
func exactlyOneKey(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one key: %s", cmd.UseLine())
	}
	return config.CheckAPIKeyName(args[0])
}

func (a *app) addKey(name string, scope config.Scope, lasts time.Duration) error {
	if strings.HasPrefix(name, "extension-") {
		return problem.Newf(problem.InvalidArgument, "names that begin with extension- are kept for keys that extensions make: choose another")
	}
	dir, l, err := a.keyFolder()
	if err != nil {
		return err
	}
	if err := l.folder(dir, keyFolderMode, l.uid, false); err != nil {
		return keyError(dir, err)
	}
	file := filepath.Join(dir, config.APIKeyFile(name))
	if exists(file) {
		return problem.Newf(problem.Conflict, "there is a key %s already: remove it with `dream key remove %[1]s`, or choose another name", name)
	}
	secret := config.NewKey().Reveal()
	key := config.APIKey{Name: name, Scope: scope, SHA256: config.DigestOf(secret), Created: time.Now().UTC().Truncate(time.Second)}
	if lasts > 0 {
		key.Expires = key.Created.Add(lasts)
	}
	data, err := json.Marshal(key)
	if err != nil {
		return err
	}
	if err := l.writeMode(file, append(data, '\n'), 0o644); err != nil {
		return keyError(file, err)
	}
	if a.json {
		return a.printJSON(madeKey{name, scope, key.Expires, secret})
	}
	a.print("%s", secret)
	fmt.Fprintf(a.stderr, "The key %s has the scope %s%s. It is not shown again.\n", name, scope, until(key.Expires))
	return nil
}

func until(expires time.Time) string {
	if expires.IsZero() {
		return ""
	}
	return " until " + expires.Local().Format(time.DateTime)
}

// keyFolder is where the keys are, and how to write there so that the install's owner has it.
func (a *app) keyFolder() (string, *layout, error) {
	settings, err := a.settings()
	if err != nil {
		return "", nil, err
	}
	if !isInstallation(settings.InstallDir) {
		return "", nil, noInstallation(settings)
	}
	owner, err := a.owner(settings, person{-1, -1})
	if err != nil {
		return "", nil, err
	}
	return settings.APIKeysDir(), &layout{settings: settings, root: os.Geteuid() == 0, uid: owner.uid, gid: owner.gid}, nil
}

// keyError says what to do about a folder that cannot be written.
func keyError(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return problem.Newf(problem.DataReadOnly, "%s: %w: do it as the installation's owner or with sudo", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// listedKey is one line of the list. What is wrong with a file that is no key is in Problem.
type listedKey struct {
	Name    string       `json:"name"`
	Scope   config.Scope `json:"scope,omitempty"`
	Created time.Time    `json:"created,omitzero"`
	Expires time.Time    `json:"expires,omitzero"`
	Expired bool         `json:"expired"`
	Problem string       `json:"problem,omitempty"`
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys; not the one in .env",
		Args:  cobra.NoArgs,
		RunE:  a.action(func(context.Context, []string) error { return a.listKeys() }),
	}
}

func (a *app) listKeys() error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	if !isInstallation(settings.InstallDir) {
		return noInstallation(settings)
	}
	dir := settings.APIKeysDir()
	files, err := config.ListAPIKeyFiles(dir)
	if err != nil {
		return keyError(dir, err)
	}
	rows := []listedKey{}
	for _, file := range files {
		key, err := config.ReadAPIKey(dir, file)
		if err != nil {
			a.warn("%s is no key: it %v", filepath.Join(dir, file), err)
			rows = append(rows, listedKey{Name: file, Problem: err.Error()})
			continue
		}
		rows = append(rows, listedKey{Name: key.Name, Scope: key.Scope, Created: key.Created, Expires: key.Expires, Expired: key.Expired(time.Now())})
	}
	if a.json {
		return a.printJSON(rows)
	}
	return writeKeys(a.stdout, rows)
}

func writeKeys(w io.Writer, rows []listedKey) error {
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tSCOPE\tCREATED\tEXPIRES")
	for _, r := range rows {
		expires := "never"
		switch {
		case r.Problem != "":
			continue
		case r.Expired:
			expires = "expired " + r.Expires.Local().Format(time.DateOnly)
		case !r.Expires.IsZero():
			expires = r.Expires.Local().Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, r.Scope, r.Created.Local().Format(time.DateOnly), expires)
	}
	return t.Flush()
}

func (a *app) keyRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Take a key back; sessions that it opened end",
		Args:    exactlyOneKey,
		RunE:    a.action(func(_ context.Context, args []string) error { return a.removeKey(args[0]) }),
	}
}

func (a *app) removeKey(name string) error {
	dir, _, err := a.keyFolder()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, config.APIKeyFile(name))
	err = os.Remove(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.NotFound, "there is no key %s: `dream key list` lists all", name)
	case err != nil:
		return keyError(file, err)
	}
	if a.json {
		return a.printJSON(map[string]string{"name": name, "action": "removed"})
	}
	a.print("The key %s opens nothing any more.", name)
	return nil
}
