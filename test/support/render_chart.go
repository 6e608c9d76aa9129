// Renders the templates of a chart as helm does, as far as ours needs it: the folder is the argument, {"Values", "Release",
// "Chart"} come as JSON on standard input, the documents go to standard output.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"text/template"
)

func indent(n int, text string) string {
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(text, "\n", "\n"+pad)
}

// JSON is YAML.
func toYaml(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func orDefault(preset, value any) any {
	if value == nil || reflect.ValueOf(value).IsZero() {
		return preset
	}
	return value
}

func dict(words ...any) (map[string]any, error) {
	out := map[string]any{}
	if len(words)%2 != 0 {
		return nil, errors.New("dict: a name without a value")
	}
	for i := 0; i < len(words); i += 2 {
		out[fmt.Sprint(words[i])] = words[i+1]
	}
	return out, nil
}

func functions(chart *template.Template) template.FuncMap {
	return template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out bytes.Buffer
			err := chart.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"toYaml":    toYaml,
		"indent":    indent,
		"nindent":   func(n int, text string) string { return "\n" + indent(n, text) },
		"quote":     func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"sha256sum": func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
		"default":   orDefault,
		"dict":      dict,
		"fail":      func(why string) (string, error) { return "", errors.New(why) },
	}
}

func render(folder string) error {
	var data map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&data); err != nil {
		return err
	}
	chart := template.New("chart")
	chart.Funcs(functions(chart))
	if _, err := chart.ParseGlob(filepath.Join(folder, "templates", "*.*")); err != nil {
		return err
	}
	documents, err := filepath.Glob(filepath.Join(folder, "templates", "*.yaml"))
	for i := 0; err == nil && i < len(documents); i++ {
		fmt.Println("---")
		err = chart.ExecuteTemplate(os.Stdout, filepath.Base(documents[i]), data)
		fmt.Println()
	}
	return err
}

func main() {
	if err := render(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
