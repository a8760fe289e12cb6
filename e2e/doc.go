// Package e2e tests the programs together: dream, dashboard-api and dream-host-agent as processes on a temporary
// installation, against the real Docker Engine. Each story is a script in testdata/script; stack_test.go has the
// commands that the scripts use beside those of testscript.
//
// The tests have project, network and container names of their own and free ports, so that they never touch a
// running stack. They run when DREAM_TEST_ENGINE is set, which `make test` does.
package e2e
