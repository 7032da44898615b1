package annotate

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDisobeyed(t *testing.T) {
	for text, want := range map[string]string{
		"plain ## text [x]":            "plain ## text [x]",
		"a ##[error]b":                 `a \x23#[error]b`,
		"##vso[task.setvariable x]y":   `\x23#vso[task.setvariable x]y`,
		"###[x":                        `#\x23#[x`,
		"##teamcity[a] ##TeamCity[b]#": `\x23#teamcity[a] \x23#TeamCity[b]#`,
		"##a##[":                       `##a\x23#[`,
	} {
		if got := Disobeyed(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzDisobeyed(f *testing.F) {
	f.Add("##[####vso[##teamcity[")
	f.Fuzz(func(t *testing.T, s string) {
		got := Disobeyed(s)
		if Obeyed(got) {
			t.Errorf("%q becomes %q", s, got)
		}
		for _, bad := range []string{"##[", "##vso[", "##teamcity["} {
			if strings.Contains(got, bad) {
				t.Errorf("%q becomes %q", s, got)
			}
		}
		if strings.ReplaceAll(got, `\x23`, "#") != strings.ReplaceAll(s, `\x23`, "#") {
			t.Errorf("%q has lost something: %q", s, got)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add("##[####vso[")
	f.Fuzz(func(t *testing.T, s string) {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		safe := JSON(data)
		if err := json.Unmarshal(safe, &got); err != nil || got != want || Obeyed(string(safe)) {
			t.Errorf("%q becomes %q: %q, %v", s, safe, got, err)
		}
	})
}
