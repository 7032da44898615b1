//go:build linux

package main

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed work
var sources embed.FS

// work returns the path of a program of directory work.
func (b *bench) work(name string) string { return filepath.Join(b.dir, name) }

// compile builds all programs of directory work.
func (b *bench) compile() error {
	entries, err := sources.ReadDir("work")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := sources.ReadFile("work/" + e.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.work(e.Name()), text, 0o644); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".c"); ok {
			if err := b.compileOne(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) compileOne(name string) error {
	cmd := exec.Command("gcc", "-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-o", name, name+".c")
	cmd.Dir = b.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("gcc -static %s.c: %w: %s (Debian packages gcc, libc6-dev; make bench-peers)", name,
			err, first)
	}
	return nil
}
