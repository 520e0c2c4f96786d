package config

import "protokoll/internal/strict"

// Faults is everything that is wrong with a file, in the order of its lines. It is the error that Load returns.
type Faults = strict.Faults
