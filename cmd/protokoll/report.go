package main

import (
	"io"
	"log/slog"

	"protokoll/config"
)

// newLogger writes log lines for the operator.
func newLogger(out io.Writer, r config.Report) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(r.Level)); err != nil {
		level = slog.LevelInfo // config has checked it
	}
	options := &slog.HandlerOptions{Level: level}
	if r.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
