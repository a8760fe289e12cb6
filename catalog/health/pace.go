package health

import "time"

const (
	// startingInterval is how often a service that starts is looked at: people wait for it.
	startingInterval = 2 * time.Second
	// minGap is the least time between the starts of two probes of one service, however often it is nudged.
	minGap = 250 * time.Millisecond
	jitter = 0.1 // a pause is up to that much shorter or longer
)

// pause is how long a service is left alone after a probe: Interval while it answers, doubled with each bad result in
// a row after the first, up to MaxInterval, and short while it starts. Rand, from 0 to 1, spreads the services, so that
// they are not probed all in the same moment.
func (o *Options) pause(starting bool, bad int, rand float64) time.Duration {
	d := o.Interval
	if starting {
		d = min(d, startingInterval)
	}
	for i := 1; i < bad && d < o.MaxInterval; i++ {
		d *= 2
	}
	d = min(d, o.MaxInterval)
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand))
}
