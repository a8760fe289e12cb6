package api

import (
	"fmt"
	"math"
	"strings"
)

// plus is a sum of what is known; of what is not known it is nil.
func plus[T uint64 | float64](a, b *T) *T {
	if a == nil || b == nil {
		return nil
	}
	return new(*a + *b)
}

func orZero(v *uint64) uint64 {
	if v == nil {
		return 0
	}
	return *v
}

// mebibytes is what the reference calls MB.
func mebibytes(bytes *uint64) *int64 {
	if bytes == nil {
		return nil
	}
	return new(int64(*bytes >> 20))
}

// gigabytes is bytes in GiB, which the reference calls GB, with two decimals.
func gigabytes(bytes uint64) float64 { return math.Round(float64(bytes)/(1<<30)*100) / 100 }

// share is the first in percent of the second.
func share(part, whole *uint64) *float64 {
	if part == nil || whole == nil || *whole == 0 {
		return nil
	}
	return new(percentOf(*part, *whole))
}

func percentOf(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*1000) / 10
}

func tenths(v *float64) *float64 {
	if v == nil {
		return nil
	}
	return new(math.Round(*v*10) / 10)
}

// joined is a list of names for a person.
func joined(names []string) string { return strings.Join(names, ", ") }

// inWords is a size for a person.
func inWords(bytes uint64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, suffix := float64(bytes)/unit, "KMGTPE"
	for value >= unit && len(suffix) > 1 {
		value, suffix = value/unit, suffix[1:]
	}
	return fmt.Sprintf("%.1f %cB", value, suffix[0])
}
