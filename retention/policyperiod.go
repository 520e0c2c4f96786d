package retention

import (
	"errors"
	"strconv"
	"time"
)

// Units of a Period. A year has 365 days, so that a deadline is never later than people count.
const (
	Day  = 24 * time.Hour
	Week = 7 * Day
	Year = 365 * Day
)

// Limits of a Period. A lane's segment is written to for half of its shortest deadline, so a shorter one would cost a segment
// every few minutes.
const (
	MinDeadline = 10 * time.Minute
	MaxPeriod   = 100 * Year
)

var units = map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': Day, 'w': Week, 'y': Year}

// Period is a time in the file: "30m", "1h", "1d", "4w", "3y", or "0". It is one number and one unit.
type Period time.Duration

// errPeriod is returned when a text is no period.
var errPeriod = errors.New(`must be a time such as "30m", "1h", "1d", "4w" or "3y", at most a hundred years`)

// UnmarshalText reads a period.
func (p *Period) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		*p = 0
		return nil
	}
	if len(text) < 2 || text[0] < '1' || text[0] > '9' {
		return errPeriod
	}
	unit, ok := units[text[len(text)-1]]
	n, err := strconv.ParseInt(string(text[:len(text)-1]), 10, 64)
	if !ok || err != nil || n > int64(MaxPeriod/unit) {
		return errPeriod
	}
	*p = Period(time.Duration(n) * unit)
	return nil
}

// hours rounds up. XEP-0504 has whole hours.
func (p Period) hours() string {
	return strconv.FormatInt(int64((time.Duration(p)+time.Hour-1)/time.Hour), 10)
}
