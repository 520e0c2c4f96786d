package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command line as an operator does. Beside the usual commands a script has:
//
//	demo NAME ARGS…        starts `protokoll demo --data $WORK/NAME ARGS…` and waits until it is ready
//	terminate NAME         stops it gently, crash NAME by SIGKILL
//	status CODE COMMAND…   is exec that wants an exit code
//	edit FILE OLD NEW      replaces an expression in a file
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireUniqueNames: true, Deadline: time.Now().Add(8 * patience),
		Setup: func(env *testscript.Env) error {
			env.Values[onStage{}] = &stage{env.T().(testing.TB), map[string]*demo{}}
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("BELL", "open\asesame")
			for name, content := range map[string]string{ // which a txtar file cannot hold
				"latin1": "passw\xf6rt\n", "bell": "open\asesame\n", "too-long": strings.Repeat("x", 1025) + "\n", "nothing": "",
			} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(content), 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"demo": func(ts *testscript.TestScript, _ bool, args []string) {
				s := stageOf(ts)
				s.demos[args[0]] = startDemo(s.t, ts.MkAbs(args[0]), args[1:]...)
			},
			"terminate": func(ts *testscript.TestScript, _ bool, args []string) { stageOf(ts).demos[args[0]].stop() },
			"crash":     func(ts *testscript.TestScript, _ bool, args []string) { stageOf(ts).demos[args[0]].kill() },
			"status":    status,
			"edit":      edit,
		},
	})
}

// stage is what runs during one script.
type stage struct {
	t     testing.TB
	demos map[string]*demo
}

type onStage struct{}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(onStage{}).(*stage) }

func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func edit(ts *testscript.TestScript, _ bool, args []string) {
	before := ts.ReadFile(args[0])
	after := regexp.MustCompile(args[1]).ReplaceAllString(before, args[2])
	if after == before {
		ts.Fatalf("%s: nothing matches %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(after), 0o600))
}
