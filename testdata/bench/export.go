//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// export writes what -o asks for.
func (b *bench) export() error {
	if b.out == "" {
		return nil
	}
	data, chart := outputs(b.out)
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(b.report, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(data, append(text, '\n'), 0o644); err != nil {
		return err
	}
	var svg bytes.Buffer
	writeSVG(&svg, &b.report)
	return os.WriteFile(chart, svg.Bytes(), 0o644)
}

// outputs returns the files that the value of -o stands for.
func outputs(out string) (data, chart string) {
	if stem, ok := strings.CutSuffix(out, ".json"); ok {
		return out, stem + ".svg"
	}
	return filepath.Join(out, "bench.json"), filepath.Join(out, "bench.svg")
}
