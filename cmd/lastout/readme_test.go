package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What is there to be copied into a CI system's file is YAML, and the commands in it have flags
// that exist.
func TestReadmeYAML(t *testing.T) {
	o := &options{}
	flags := newCommand(o).Flags()
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	commands := 0
	for _, b := range blocks {
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(b[1]), &doc); err != nil || len(doc) == 0 {
			t.Errorf("%v in\n%s", err, b[1])
		}
		for _, text := range texts(doc) {
			if !strings.HasPrefix(text, "lastout ") {
				continue
			}
			commands++
			for _, word := range strings.Fields(text)[1:] {
				name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
				if strings.HasPrefix(word, "--") && flags.Lookup(name) == nil {
					t.Errorf("%s: no such flag: %s", text, word)
				}
			}
		}
	}
	if len(blocks) < 3 || commands < 4 {
		t.Errorf("%d blocks, %d commands: where are the others?", len(blocks), commands)
	}
}

// texts returns every string below a node.
func texts(node any) (list []string) {
	switch node := node.(type) {
	case string:
		return []string{node}
	case map[string]any:
		for _, v := range node {
			list = append(list, texts(v)...)
		}
	case []any:
		for _, v := range node {
			list = append(list, texts(v)...)
		}
	}
	return list
}

// The table names every flag, with its variable.
func TestReadmeFlags(t *testing.T) {
	text := readme(t)
	newCommand(&options{}).Flags().VisitAll(func(f *pflag.Flag) {
		row := regexp.MustCompile("(?m)^\\| (?:`-.`, )?`--" + regexp.QuoteMeta(f.Name) +
			"(?:[ \\[][^`]*)?` \\|.*$").FindString(text)
		if row == "" {
			t.Errorf("the table has no row for --%s", f.Name)
			return
		}
		variable := fmt.Sprintf("`LASTOUT_%s", strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
		switch f.Name {
		case "doctor", "version", "completion", "help":
		default:
			if !strings.Contains(row, variable) {
				t.Errorf("%s: no variable", row)
			}
		}
	})
}
